"""Pages of trackers and the tickets of a finding: what is shown to whom, and that the secret is shown once."""

import pytest

from core.permissions import Role
from tests import factories as make
from tests.pages.markup import Page, faults
from tests.tickets.tracked import ticketed, tracker_of
from tickets.models import Ticket, TrackerConnection
from tickets.services.tracker_opening import webhook_secrets

pytestmark = pytest.mark.django_db


def body(scope, **members):
    return {"scope": scope.pk, "kind": "jira", "name": "Jira", "base": "https://jira.example",
            "project": "SEC", "account": "bot@acme.example", "key": "jira-T0KEN",
            "reopens": "always", "comments": "both", **members}  # fmt: skip


def opened(browse, user, path):
    page = Page(browse(user).get(path))
    assert list(faults(page)) == []
    return page


def test_connecting_shows_the_webhooks_secret_once_and_the_token_never(browse, scope, admin):
    page = Page(browse(admin).post("/integrations/trackers/new/", body(scope)))
    assert list(faults(page)) == []
    made = TrackerConnection.objects.get()
    (secret,) = webhook_secrets(made, make.now())
    assert secret in page.content and f"/hooks/trackers/{made.hook}/" in page.content
    for path in ("/integrations/trackers/", made.get_absolute_url(), "/audit/"):
        content = opened(browse, admin, path).content
        assert secret not in content and "T0KEN" not in content


@pytest.mark.parametrize(
    ("members", "said"),
    [({"base": "http://jira.example"}, "https:// only"), ({"project": "x y"}, "project's key"),
     ({"key": ""}, "This field is required.")],
)  # fmt: skip
def test_a_form_that_cannot_be_used_says_where_and_forgets_the_token(
    browse, scope, admin, members, said
):
    response = browse(admin).post("/integrations/trackers/new/", body(scope, **members))
    page = Page(response)
    assert response.status_code == 400 and said in page.text and "T0KEN" not in page.content


def test_who_does_not_administer_sees_no_address_of_the_webhook_and_changes_nothing(
    browse, scope, viewer
):
    tracker, _ = tracker_of(scope)
    page = opened(browse, viewer, tracker.get_absolute_url())
    assert tracker.hook not in page.content and "Disconnect" not in page.text
    browse(viewer).post(f"{tracker.get_absolute_url()}end/")
    assert TrackerConnection.objects.get().state == "active"


def test_a_change_keeps_the_rest_of_the_rule(browse, scope, admin):
    tracker, _ = tracker_of(scope, rule={"statuses": ["validated"], "most": 7})
    browse(admin).post(f"{tracker.get_absolute_url()}change/", {
        "name": "Jira", "reopens": "never", "comments": "none", "bands": ["P1"],
        "mapping": '{"labels": []}'})  # fmt: skip
    tracker.refresh_from_db()
    assert tracker.rule == {"bands": ["P1"], "statuses": ["validated"], "most": 7}
    assert (tracker.reopens, tracker.mapping["labels"]) == ("never", [])
    assert tracker.comments == "none"


def test_a_mapping_is_tried_before_it_is_kept(browse, scope, admin):
    tracker, _ = tracker_of(scope)
    make.import_finding(make.make_asset(scope))
    address = f"{tracker.get_absolute_url()}preview/"
    sent = {"name": "Jira", "mapping": '{"labels": ["tried-here"]}'}
    page = Page(browse(admin).post(address, sent))
    assert list(faults(page)) == []
    assert "What its ticket would hold" in page.text and "tried-here" in page.text
    assert "tried-here" not in str(TrackerConnection.objects.get().mapping)
    page = Page(browse(admin).post(address, {"mapping": '{"colour": 1}'}))
    assert "colour" in page.text and "What its ticket would hold" not in page.text


def test_the_page_of_rules_names_the_projects_that_a_rule_may_name(browse, scope, admin, viewer):
    path = f"/scopes/{scope.slug}/ticket-projects/"
    assert "has no tracker" in browse(viewer).get(path).content.decode().replace(
        "</a>", ""
    ).replace('<a href="/integrations/trackers/">', "")
    tracker, _ = tracker_of(scope)
    shown = browse(viewer).get(path).content.decode()
    assert "SEC" in shown and tracker.get_absolute_url() in shown
    assert path in browse(admin).get(f"/scopes/{scope.slug}/discovery/").content.decode()


def test_a_finding_shows_its_tickets_and_makes_links_and_unlinks_them(browse):
    ticket = ticketed(make.import_finding())
    finding = ticket.finding
    developer = make.member(finding.scope, Role.DEVELOPER)
    viewer = make.member(finding.scope, Role.VIEWER)
    path = f"/findings/{finding.pk}/tickets/"
    assert path in opened(browse, viewer, finding.get_absolute_url()).content
    shown = browse(viewer).get(path).content.decode()
    assert "SEC-1" in shown and "Unlink" not in shown and "Make or link" not in shown
    shown = browse(developer).get(path).content.decode()
    assert 'href="https://jira.example/browse/SEC-1"' in shown and "Unlink" in shown
    browse(developer).post(f"/tickets/{ticket.pk}/unlink/")
    browse(developer).post(f"{path}ask/", {"connection": ticket.connection_id, "key": "SEC-7"})
    assert list(Ticket.objects.order_by("pk").values_list("state", "key")) == [
        ("unlinked", "SEC-1"), ("waiting", "SEC-7")]  # fmt: skip


def test_an_address_that_is_no_web_address_is_no_link(browse):
    ticket = ticketed(make.import_finding())
    Ticket.objects.update(address="javascript:alert(1)", status_there="<b>x</b>")
    shown = browse(make.member(ticket.scope, Role.VIEWER)).get(
        f"/findings/{ticket.finding_id}/tickets/"
    )
    assert "javascript:" not in shown.content.decode() and "<b>x" not in shown.content.decode()
