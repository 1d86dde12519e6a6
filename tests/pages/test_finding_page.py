"""One finding: where it stands, why, what is missing, and what this person may do about it."""

import pytest

from findings.models import Finding, RiskAcceptance, Rule
from findings.services import assign_many, merge_findings
from findings.statuses import Status
from remediations.services import withdraw_remediation
from tests import factories as make
from tests.pages.markup import Page

UGLY = '<script>alert("x")</script>'


@pytest.fixture
def see(world, browse):
    """Open a finding's page as a member of the scope."""

    def page(finding, role="analyst"):
        return Page(browse(world.member(role)).get(finding.get_absolute_url()))

    return page


def act(world, browse, role, finding, verb, body=None):
    """Do something with a finding as a member; return the page that follows and the finding."""
    url = f"{finding.get_absolute_url()}{verb}/"
    page = Page(browse(world.member(role)).post(url, body or {}, follow=True))
    finding.refresh_from_db()
    return page, finding


def stages(page):
    """What the track says: stage → reached, skipped, now, ahead or proven."""
    (track,) = page.with_class("track")
    return {e.text: e.attributes["class"] for e in page.all("li") if e.parent is track}


def test_the_track_shows_where_it_stands_and_what_was_skipped(see, world):
    words = {text.split(":")[0]: state for text, state in stages(see(world.open)).items()}
    assert words == {
        "Discovered": "done",
        "Prioritized": "done",
        "Validated": "skipped",
        "Mobilizing": "now",
        "Awaiting verification": "ahead",
        "Mobilization complete": "ahead",
    }
    assert list(stages(see(world.closed)).values())[-1] == "proven"


def test_an_end_beside_the_track_is_no_stage_of_it(see, world):
    accepted = make.make_finding(Status.RISK_ACCEPTED, asset=world.asset, path="app/a.py")
    page = see(accepted)
    assert page.with_class("track-off")
    assert "Nothing until the acceptance ends" in page.text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fresh", "Validate that it is real and reachable, or propose a fix at once."),
        ("open", "Have the fix scanned: nothing has been judged yet."),
        ("closed", "Nothing: closed and proven."),
    ],
)
def test_there_is_one_next_step(see, world, name, words):
    assert words in see(getattr(world, name)).text


def test_a_scanned_fix_waits_for_a_review_and_then_for_its_merge(see, world):
    make.scan_fix(world.fix)
    page = see(world.open)
    assert "A person has to review the fix." in page.text
    assert f"{world.fix.get_absolute_url()}#review" in page.links()
    make.approve(world.fix)
    assert "Merge the fix: both lamps are green." in see(world.open).text


def test_what_is_missing_is_said_with_what_would_turn_it_green(see, world):
    make.scan_fix(world.fix)
    page = see(world.open)
    assert "What is missing" in page.text
    assert "Has a person who did not write it approved it?" in page.text
    assert "To pass:" in page.text and "HUMAN_REVIEW" in page.text


def test_without_a_scan_only_the_scan_is_asked_for(see, world):
    make.approve(world.fix)
    page = see(world.open)
    assert "that cannot be answered without a scan" in page.text
    assert "Is there a post-fix scan for this fix?" in page.text


def test_complete_is_shown_but_refused_and_says_why(see, world):
    make.take("claim", world.open)
    page = see(world.open)
    button = page.control("Complete")
    assert button.attributes["aria-disabled"] == "true"
    assert button.attributes["type"] == "button"
    assert page.told_by(button).startswith("The gate completes it")
    assert page.control("Ask the gate now").attributes["type"] == "submit"


def test_asking_the_gate_too_early_changes_nothing_and_names_the_open_checks(world, browse):
    make.scan_fix(world.fix)
    page, finding = act(world, browse, "viewer", world.open, "transitions/complete")
    assert finding.status == Status.MOBILIZING
    assert "HUMAN_REVIEW" in page.with_class("callout-fail")[0].text


def test_a_button_of_another_role_is_visible_and_says_what_role_it_takes(see, world):
    page = see(world.fresh, "viewer")
    button = page.control("Validate")
    assert button.attributes["aria-disabled"] == "true"
    assert "Your role in this scope does not allow you to triage." in page.told_by(button)


def test_validating_keeps_the_evidence_and_raises_the_priority(world, browse):
    before = world.fresh.priority_score
    body = {"evidence": "Reproduced on staging.", "evidence_kind": "proof_of_concept"}
    page, finding = act(world, browse, "analyst", world.fresh, "transitions/validate", body)
    assert finding.status == Status.VALIDATED
    assert "Reproduced on staging." in page.text
    assert finding.priority_score > before
    assert str(finding.priority_score) in page.all("tfoot")[0].text


@pytest.mark.parametrize(
    ("verb", "body", "words"),
    [
        ("transitions/validate", {}, "Evidence: This field is required."),
        ("transitions/claim", {"reason": " "}, "Reason: This field is required."),
        ("transitions/mark_duplicate", {"duplicate_of": "x"}, "Enter a whole number"),
        ("transitions/mark_duplicate", {"duplicate_of": "99999"}, "not in this scope"),
        ("transitions/mobilize", {"remediation_id": "1"}, "Select a valid choice"),
        ("transitions/vanish", {"reason": "I say so"}, "done by the system alone"),
        ("acceptance", {"reason": "x", "until": "2020-01-01"}, "must be in the future"),
        ("comments", {"body": ""}, "Comment: This field is required."),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(world, browse, verb, body, words):
    page, finding = act(world, browse, "analyst", world.fresh, verb, body)
    assert finding.status == Status.PRIORITIZED
    assert words in " ".join(e.text for e in page.with_class("callout-fail"))


def test_a_transition_that_does_not_exist_is_not_found(world, browse):
    client = browse(world.member("analyst"))
    url = f"{world.fresh.get_absolute_url()}transitions/skip_checks/"
    assert client.post(url).status_code == 404


def test_two_people_accept_a_risk(world, browse, see):
    body = {"reason": "Switched off next week.", "until": "2099-01-31"}
    page, _ = act(world, browse, "approver", world.fresh, "acceptance", body)
    assert "asks to accept the risk until 2099-01-31" in page.text
    page, finding = act(world, browse, "approver", world.fresh, "transitions/accept_risk")
    assert finding.status == Status.PRIORITIZED
    assert "nobody approves their own request" in page.text
    other = make.add_member(world.scope, make.make_user("second-approver"), "approver")
    browse(other).post(f"{finding.get_absolute_url()}transitions/accept_risk/")
    finding.refresh_from_db()
    assert finding.status == Status.RISK_ACCEPTED
    assert RiskAcceptance.objects.get(finding=finding).approved_by == other


def test_what_is_confirmed_on_a_page_is_the_request_that_it_shows(world, browse, see):
    make.request_acceptance(world.fresh, days=7)
    [before] = see(world.fresh, "approver").all("input", name="decision")
    make.request_acceptance(world.fresh, days=9000)  # while the page is read
    verb, body = "transitions/accept_risk", {"decision": before.attributes["value"]}
    page, finding = act(world, browse, "approver", world.fresh, verb, body)
    assert "read the newest one" in page.text and finding.status == Status.PRIORITIZED
    [newest] = page.all("input", name="decision")
    body = {"decision": newest.attributes["value"]}
    act(world, browse, "approver", world.fresh, verb, body)
    accepted = RiskAcceptance.objects.get(finding=world.fresh, approved_at__isnull=False)
    assert str(accepted.pk) == body["decision"]


def test_a_button_ends_the_pause_that_the_page_shows(world, browse, see):
    told = {"party": "A vendor", "reason": "A patch is due."}
    act(world, browse, "analyst", world.fresh, "pause", told)
    [shown] = see(world.fresh).all("input", name="pause")
    body = {"pause": shown.attributes["value"]}
    act(world, browse, "analyst", world.fresh, "resume", body)
    act(world, browse, "analyst", world.fresh, "pause", told)
    page, _ = act(world, browse, "analyst", world.fresh, "resume", body)
    assert "over already" in page.text
    assert world.fresh.pauses.filter(ended_at__isnull=True).count() == 1


def test_comments_and_the_owner(world, browse):
    page, _ = act(world, browse, "analyst", world.fresh, "comments", {"body": UGLY})
    assert UGLY in page.text and not [e for e in page.all("script") if "alert" in e.text]
    developer = world.member("developer")
    page, finding = act(world, browse, "analyst", world.fresh, "assignee", {"to": developer.pk})
    assert finding.assigned_to == developer
    page, finding = act(world, browse, "analyst", world.fresh, "assignee", {"to": ""})
    assert finding.assigned_to is None


def test_an_outsider_cannot_be_made_the_owner(world, browse, outsider):
    page, finding = act(world, browse, "analyst", world.fresh, "assignee", {"to": outsider.pk})
    assert finding.assigned_to is None
    assert "callout-fail" in page.content


def test_untrusted_text_is_text(see, world):
    told = {**world.fresh.original, "message": UGLY}
    told["location"] = {**told["location"], "snippet": UGLY}
    Finding.objects.filter(pk=world.fresh.pk).update(
        title=UGLY, current=told, path=f"app/{UGLY}.py", rule=UGLY
    )
    page = see(world.fresh)
    assert page.content.count("<script>alert") == 0
    assert UGLY in page.all("h1")[0].text
    assert UGLY in next(e for e in page.all("pre")).text


@pytest.mark.parametrize(
    ("address", "linked"),
    [
        ("https://example.org/B307", True),
        ("http://example.org/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org/x", False),
        ("https:///nohost", False),
        ("https://[broken", False),
        ("file:///etc/passwd", False),
    ],
)
def test_only_a_web_address_becomes_a_link(see, world, address, linked):
    rule = Rule.objects.create(
        scope=world.fresh.scope, tool="other", rule="other", help_uri=address
    )
    Finding.objects.filter(pk=world.fresh.pk).update(described_by=rule)
    found = [e for e in see(world.fresh).all("a") if e.attributes.get("href") == address]
    assert bool(found) == linked
    if found:
        assert found[0].attributes["rel"] == "noopener noreferrer nofollow"


def test_the_history_is_the_chain_of_events_with_their_hashes(see, world):
    page = see(world.closed)
    hashes = [e.text for e in page.with_class("hash")]
    assert len(hashes) > 3
    numbers = [int(text.split()[0].removeprefix("#")) for text in hashes]
    assert numbers == sorted(numbers, reverse=True)
    assert "completed it: the gate saw the proof" in page.text


def test_what_was_done_to_many_findings_stands_in_the_history_of_each(see, world):
    by = {"by": world.member("analyst"), "at": make.now()}
    assign_many(findings=[world.fresh], to=by["by"], **by)
    merge_findings(findings=[world.fresh, world.closed], title="", reason="One call.", **by)
    page = see(world.fresh)
    assert "merged findings into one group" in page.text and "assigned it" in page.text
    assert "merged findings into one group" in see(world.closed).text


def test_a_completed_finding_links_its_certificate(see, world):
    links = see(world.closed).links()
    base = f"{world.closed.get_absolute_url()}certificate/"
    assert {base, f"{base}bundle/", f"{base}envelope/"} <= set(links)


def test_what_a_fix_brought_in_shows_in_the_loop_of_both(see, world):
    bad = make.fixed_code(world.open.line, world.open).change(
        {world.open.path: "def show(text):\n    return eval(text)\n"}
    )
    fix = make.make_remediation(world.open, code=bad)
    make.scan_fix(fix)
    page = see(world.open)
    assert "would come in: blocks" in page.text
    Finding.objects.filter(pk=world.fresh.pk).update(introduced_by_id=fix.pk)
    assert "depth 1, 1 finding" in see(world.open).text
    brought = see(world.fresh)
    assert "A fix brought this in" in brought.text
    assert world.open.get_absolute_url() in brought.links()


def test_a_withdrawn_fix_keeps_its_judgement_but_is_not_the_one_in_hand(see, world):
    make.scan_fix(world.fix)
    developer = world.member("developer")
    withdraw_remediation(remediation=world.fix, reason="No.", by=developer, at=make.now())
    page = see(world.open)
    assert "Propose a fix: none that is still open is linked." in page.text
    row = next(e for e in page.all("tr") if str(world.fix) in e.text)
    assert "withdrawn" in row.text and "Safe? pass" in row.text
    assert page.with_class("lamp-card")[0].text.startswith("Safe? unknown")


def test_a_loop_that_closes_on_itself_ends(see, world):
    Finding.objects.filter(pk=world.open.pk).update(introduced_by_id=world.fix.pk)
    assert "The loop" in see(world.open).text
