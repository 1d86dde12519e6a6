"""Pages of code hosts: what is shown to whom, what forms do, and that no secret is on any of them."""

import pytest
from django.utils import timezone

from core.models import Event, Job
from forges.models import Connection, InboundMessage, KnownAnalysis, Repository
from forges.services.opening import webhook_secrets
from tests import factories as make
from tests.forges.connected import TOKEN, make_connection, make_repository, pem
from tests.pages.markup import Page, faults

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(scope):
    return make_connection(scope)[0]


def opened(browse, user, path):
    page = Page(browse(user).get(path))
    assert list(faults(page)) == []
    return page


def body(scope, **members):
    return {"scope": scope.pk, "forge": "github", "name": "Acme", "account": "acme",
            "sign_in": "token", "key": TOKEN, "mode": "warn", **members}  # fmt: skip


def test_connecting_shows_the_secret_once_and_the_key_never(browse, scope, admin):
    response = browse(admin).post("/integrations/new/", body(scope, include="acme/*\n\n acme-x/* "))
    page = Page(response)
    assert response.status_code == 200 and list(faults(page)) == []
    connection = Connection.objects.get()
    (secret,) = webhook_secrets(connection, make.now())
    assert connection.include == ["acme/*", "acme-x/*"]
    assert secret in page.content and TOKEN not in page.content
    assert f"http://testserver/hooks/{connection.hook}/" in page.text
    assert "hx-get" not in page.content  # a page that loads again would lose the secret
    for path in ("/integrations/", connection.get_absolute_url(), "/audit/"):
        shown = opened(browse, admin, path).content
        assert secret not in shown and TOKEN not in shown


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"key": "two words"}, "must be a token"),
        ({"sign_in": "app"}, "must be the number that GitHub shows"),
        ({"name": ""}, "This field is required."),
        ({"include": "a b"}, "must be a glob"),
        ({"api": "http://api.github.com"}, "is fetched by https:// only"),
        ({"account": "a" * 201}, "at most 200 characters"),
    ],
)
def test_a_form_that_cannot_be_used_says_where_and_forgets_the_key(
    browse, scope, admin, members, said
):
    response = browse(admin).post("/integrations/new/", body(scope, **members))
    page = Page(response)
    assert response.status_code == 400 and said in page.text
    assert list(faults(page)) == [] and members.get("key", TOKEN) not in page.content
    assert not Connection.objects.exists()


def test_who_administers_nothing_is_told_so(browse, scope, viewer):
    assert "you administer none" in opened(browse, viewer, "/integrations/new/").text
    assert browse(viewer).post("/integrations/new/", body(scope)).status_code == 403


def test_a_scope_that_one_does_not_administer_cannot_be_chosen(browse, scope, outsider):
    response = browse(outsider).post("/integrations/new/", body(scope))
    assert response.status_code == 400 and not Connection.objects.exists()


def test_progress_is_counted_and_asked_for_until_it_ends(browse, connection, viewer):
    for n in range(3):
        make_repository(connection, str(n), looked_at=timezone.now() if n < 1 else None)
    Repository.objects.filter(host_id="2").update(problem="The host answered 404.")
    page = opened(browse, viewer, connection.get_absolute_url())
    (polled,) = [e for e in page.elements if "hx-get" in e.attributes]
    assert "1 of 3 repositories looked at, 1 with a problem" in polled.text
    assert "The host answered 404." in page.text
    part = browse(viewer).get(polled.attributes["hx-get"])
    assert "HX-Refresh" not in part and "1 of 3" in part.content.decode()
    Connection.objects.update(looked_at=timezone.now())
    Repository.objects.filter(problem="").update(looked_at=timezone.now())
    part = browse(viewer).get(polled.attributes["hx-get"])
    assert part["HX-Refresh"] == "true" and "2 of 3" in part.content.decode()


def test_the_list_shows_state_progress_and_problems(browse, connection, viewer):
    make_repository(connection, looked_at=timezone.now())
    Connection.objects.update(state="refused", problem="api.github.com answered 401.")
    page = opened(browse, viewer, "/integrations/")
    assert "refused" in page.text and "1 of 1 looked at" in page.text
    assert "api.github.com answered 401." in page.text
    assert "No connection matches" in opened(browse, viewer, "/integrations/?state=ended").text
    detail = opened(browse, viewer, connection.get_absolute_url())
    assert "The host does not take our key" in detail.text


def test_what_was_seen_is_shown_with_what_became_of_it(browse, connection, viewer):
    repository = make_repository(connection)
    KnownAnalysis.objects.create(
        repository=repository, scope=connection.scope, host_id="1", ref="refs/heads/main",
        commit="ab" * 20, tool="CodeQL", state="left", note="a newer one is <b>there</b>", listed={},
    )  # fmt: skip
    InboundMessage.objects.create(
        connection=connection, delivery="<i>d</i>", event="push", about="push", state="rang",
        received_at=timezone.now(),
    )  # fmt: skip
    page = opened(browse, viewer, connection.get_absolute_url())
    assert "a newer one is <b>there</b>" in page.text and "<i>d</i>" in page.text
    assert "<b>there" not in page.content and "<i>d" not in page.content


def test_only_administrators_see_the_webhook_and_the_forms(browse, connection, scope, admin):
    for role in ("viewer", "analyst", "developer", "approver"):
        page = opened(browse, make.member(scope, role), connection.get_absolute_url())
        actions = [f.attributes.get("action", "") for f in page.all("form")]
        looks = [a for a in actions if a.endswith("/look/")]
        assert bool(looks) == (role in ("analyst", "approver"))
        assert not [a for a in actions if "/integrations/" in a and a not in looks]
        assert connection.hook not in page.content
    page = opened(browse, admin, connection.get_absolute_url())
    assert connection.hook in page.content


def test_an_administrator_changes_renews_replaces_and_ends(browse, connection, admin):
    path, client = connection.get_absolute_url(), browse(admin)
    old = webhook_secrets(connection, make.now())
    client.post(f"{path}change/", {"name": "ACME", "mode": "block", "release_branches": "v*"})
    connection.refresh_from_db()
    assert (connection.name, connection.mode) == ("ACME", "block")
    assert (connection.include, connection.release_branches) == (["*"], ["v*"])
    shown = Page(client.post(f"{path}secret/"))
    connection.refresh_from_db()
    new = webhook_secrets(connection, make.now())
    assert new[1:] == old and new[0] in shown.content and list(faults(shown)) == []
    refused = client.post(f"{path}key/", {"key": "two words"}, follow=True)
    assert "must be a token" in Page(refused).text and "two words" not in refused.content.decode()
    client.post(f"{path}key/", {"key": "ghp_2"})
    looks = Job.objects.filter(kind="forge_connection").count()
    client.post(f"{path}look/")
    assert Job.objects.filter(kind="forge_connection").count() == looks  # one waits already
    ended = Page(client.post(f"{path}end/", follow=True))
    assert "Ended by" in ended.text and list(faults(ended)) == []
    assert not [f for f in ended.all("form") if "/integrations/" in f.attributes.get("action", "")]
    assert Event.objects.filter(action="connection.ended").exists()


def test_an_apps_key_of_several_lines_is_taken_as_it_is(browse, scope, admin):
    windows = pem().replace("\n", "\r\n")
    app = {"sign_in": "app", "app_id": "12", "installation": "34", "key": windows}
    assert browse(admin).post("/integrations/new/", body(scope, **app)).status_code == 200


def test_pages_ask_the_database_a_few_times_whatever_there_is(
    browse, connection, admin, django_assert_max_num_queries
):
    for n in range(30):
        make_repository(connection, str(n))
    client = browse(admin)
    for path in ("/integrations/", connection.get_absolute_url(), "/integrations/new/"):
        with django_assert_max_num_queries(15):
            assert client.get(path).status_code == 200
