"""The page of a scope's rules, and what is brought to a finding on its page."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.models import Event
from core.permissions import Role
from findings.models import DiscoveryRule, Finding, FindingDispute, ScopeDecisionPolicy
from findings.services import perform_transition
from findings.services.rules import apply_rule, approve_rule, make_rule
from tests import factories as make
from tests.factories import import_finding, now
from tests.pages.markup import Page, faults

HOSTILE = "<script>alert('x')</script>"


@pytest.fixture
def url(world):
    return f"/scopes/{world.scope.slug}/discovery/"


@pytest.fixture
def client(world, browse):
    return browse(world.member("analyst"))


@pytest.fixture
def noisy(world):
    return import_finding(world.asset, path="tests/test_shop.py")


def sent(**more):
    until = (now() + timedelta(days=30)).date().isoformat()
    return {"name": "Tests", "position": "5", "path": "tests/**\n", "set_aside": "noise",
            "reason": "Only tests.", "expires": until, "last": "100", **more}  # fmt: skip


def set_aside(world, finding, name="Tests", reason="Only tests."):
    rule = make_rule(
        scope=world.scope, name=name, conditions={"path": ["tests/**"]},
        actions={"set_aside": "noise", "tags": ["flaky"]}, reason=reason, by=world.member("analyst"),
        at=now(), expires_at=now() + timedelta(days=30),
    )  # fmt: skip
    approve_rule(rule=rule, by=world.member("approver"), at=now())
    apply_rule(rule=rule, by=world.member("analyst"), at=now())
    finding.refresh_from_db()
    return rule


# --- trying and making -----------------------------------------------------------------------------
def test_trying_shows_what_it_would_have_done_and_keeps_what_was_written(world, client, url, noisy):
    before = DiscoveryRule.objects.count(), Event.objects.count()
    page = Page(client.post(f"{url}try/", sent(do="try")))
    assert "its conditions hold for 1" in page.text
    assert f"CTEM-{noisy.pk} · tests/test_shop.py" in page.text
    fields = {e.attributes.get("name"): e for e in page.all("input")}
    assert fields["name"].attributes["value"] == "Tests"
    assert list(faults(page)) == []
    assert (DiscoveryRule.objects.count(), Event.objects.count()) == before


def test_made_it_waits_until_an_approver_lets_it(world, client, browse, url):
    page = Page(client.post(f"{url}try/", sent(do="make", name="Mine"), follow=True))
    assert "acts once somebody else, an approver, lets it" in page.text
    assert "A second person has to approve it." in page.text
    rule = DiscoveryRule.objects.get(name="Mine")
    approver = browse(world.member("approver"))
    page = Page(approver.post(f"/discovery-rules/{rule.pk}/approve/", follow=True))
    assert "“Mine” acts on findings" in page.text


def test_what_cannot_be_used_is_said_with_the_place(client, url):
    page = Page(client.post(f"{url}try/", sent(do="make", path="/etc")))
    assert "conditions.path.0: must be relative" in page.text
    page = Page(client.post(f"{url}try/", sent(do="make", expires="")))
    assert "expires_at: what is set aside as noise needs a day" in page.text
    response = client.post(f"{url}try/", sent(do="try", last="0"))
    assert response.status_code == 422
    assert "greater than or equal to 1" in Page(response).text


def test_a_rule_in_force_is_changed_by_its_next_version(world, client, url, noisy):
    rule = set_aside(world, noisy)
    page = Page(client.get(f"{url}?replaces={rule.pk}"))
    assert "The next version of “Tests”" in page.text
    names = {e.attributes.get("name"): e.attributes.get("value") for e in page.all("input")}
    assert names["replaces"] == str(rule.pk)
    client.post(f"{url}try/", sent(do="make", replaces=rule.pk, name="Narrower"))
    assert DiscoveryRule.objects.get(name="Narrower").replaces == rule
    assert client.get(f"{url}?replaces=999999").status_code == 404


def test_words_of_people_stay_words(world, client, url, noisy):
    set_aside(world, noisy, name=HOSTILE, reason=HOSTILE)
    for address in (url, f"{url}?out_of=", noisy.get_absolute_url()):
        response = client.get(address)
        assert HOSTILE not in response.content.decode()
        assert HOSTILE in Page(response).text
        assert list(faults(Page(response))) == []


def test_the_scope_leads_to_its_rules(world, client, url):
    assert url in Page(client.get(f"/scopes/{world.scope.slug}/")).links()


def test_an_administrator_says_who_decides_alone(world, browse, url):
    admin = browse(world.member("admin"))
    admin.post(f"{url}alone/", {"dismissals_alone": "on"})
    policy = ScopeDecisionPolicy.of(world.scope.pk)
    assert (policy.dismissals_alone, policy.rules_alone) == (True, False)
    assert "one approver" in Page(browse(world.member("viewer")).get(url)).text


# --- set aside -------------------------------------------------------------------------------------
def test_what_is_set_aside_leaves_lists_and_queues_and_stays_open(world, client, noisy):
    home = Page(client.get("/")).text
    assert "3 Needs validation" in home or "2 Needs validation" in home
    set_aside(world, noisy)
    assert Page(client.get("/")).text != home
    assert f"CTEM-{noisy.pk} " not in Page(client.get("/findings/?open=true")).text
    listed = Page(client.get("/findings/?set_aside=noise")).text
    assert f"CTEM-{noisy.pk} " in listed and "1 finding" in listed
    assert f"CTEM-{noisy.pk} " in Page(client.get(f"/findings/?q=CTEM-{noisy.pk}")).text
    page = Page(client.get(noisy.get_absolute_url()))
    assert "Set aside as noise" in page.text
    assert "By the rule Tests until" in page.text and "still open" in page.text
    assert noisy.status == "prioritized"


def test_facets_count_what_is_set_aside(world, client, noisy):
    def facet(query):
        page = Page(client.get(f"/findings/{query}"))
        links = [e for e in page.all("a") if e.attributes.get("id", "").startswith("f-set_aside")]
        return [(e.text, "aria-current" in e.attributes) for e in links]

    before = facet("")
    set_aside(world, noisy)
    (queue, on), (noise, off), *_ = facet("")
    assert on and not off
    assert noise == "noise 1"
    assert int(queue.split()[-1]) == int(before[0][0].split()[-1]) - 1
    assert facet("?q=shop")[1] == ("noise 1", False)  # where the tally does not say
    assert facet("?set_aside=noise")[1] == ("noise 1", True)


# --- a finding -------------------------------------------------------------------------------------
def test_evidence_comes_with_a_file_that_is_handed_out(world, client, noisy):
    page = noisy.get_absolute_url()
    file = SimpleUploadedFile("../<b>.svg", b"<svg onload='alert(1)'/>", "image/svg+xml")
    client.post(f"{page}evidence/", {"kind": "note", "text": HOSTILE, "file": file})
    shown = Page(client.get(page))
    assert HOSTILE in shown.text and "_b_.svg" in shown.text
    assert list(faults(shown)) == []
    response = client.get(f"{page}files/1/")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="_b_.svg"'
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert client.get(f"{page}files/2/").status_code == 404


def test_a_tools_claim_stands_apart_from_what_people_say(world, client, noisy):
    Finding.objects.filter(pk=noisy.pk).update(
        current={**noisy.original, "exploitability": "demonstrated"}
    )
    text = Page(client.get(noisy.get_absolute_url())).text
    assert "exploitability: demonstrated claimed by the tool" in text
    assert "No person has confirmed it" in text


def test_tags_and_a_severity_are_set_on_the_page(world, client, noisy):
    page = noisy.get_absolute_url()
    client.post(f"{page}tags/", {"add": f"PCI, {HOSTILE}"})
    client.post(f"{page}severity/", {"severity": "critical", "reason": "Exposed."})
    shown = Page(client.get(page))
    assert HOSTILE in shown.text and "decided by" in shown.text
    assert list(faults(shown)) == []
    noisy.refresh_from_db()
    assert noisy.severity == "critical"


def test_a_developer_disputes_and_an_analyst_finds_it_at_home_and_answers(
    world, browse, client, noisy
):
    page = noisy.get_absolute_url()
    developer = browse(world.member("developer"))
    developer.post(f"{page}disputes/", {"about": "severity", "reason": HOSTILE})
    row = FindingDispute.objects.get(finding=noisy)
    home = Page(client.get("/"))
    assert f"CTEM-{noisy.pk}" in home.text and "disputes its severity" in home.text
    assert "Disputed findings" not in Page(developer.get("/")).text
    assert "Take it back" in Page(developer.get(page)).text
    assert list(faults(Page(client.get(page)))) == []
    body = {"uphold": "yes", "severity": "low", "answer": "Right."}
    client.post(f"/finding-disputes/{row.pk}/answer/", body)
    noisy.refresh_from_db()
    assert noisy.severity == "low"
    assert "Answered by" in Page(developer.get(page)).text


def test_a_dismissed_false_positive_becomes_a_rule_with_a_preview(
    world, browse, client, url, noisy
):
    assert client.get(f"{url}?out_of={noisy.pk}").status_code == 404  # not dismissed
    make.request_false_positive(noisy)
    approver = make.member(world.scope, Role.APPROVER)
    perform_transition(finding=noisy, name="dismiss", by=approver, at=now(), brought={})
    page = Page(client.get(noisy.get_absolute_url()))
    assert f"{url}?out_of={noisy.pk}#make" in page.links()
    page = Page(client.get(f"{url}?out_of={noisy.pk}"))
    areas = {e.attributes["name"]: "".join(e.texts).strip() for e in page.all("textarea")}
    assert (areas["rule"], areas["path"]) == (noisy.rule, "tests/**")
    assert areas["reason"] == "The argument is a constant."
    told = sent(name="Like it", tool=noisy.tool, rule=noisy.rule, out_of=noisy.pk)
    tried = Page(client.post(f"{url}try/", {**told, "do": "try"}))
    assert "its conditions hold for 1" in tried.text
    client.post(f"{url}try/", {**told, "do": "make"})
    rule = DiscoveryRule.objects.get(name="Like it")
    assert rule.waits
    event = Event.objects.filter(action="discovery_rule.requested").latest("pk")
    assert event.data["out_of"] == noisy.pk
