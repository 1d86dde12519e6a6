"""Verify now: which recipes fit a fix, the positive control of each, and what is refused."""

import json

import pytest

from core.errors import BadInput, NotAllowed, WrongState
from core.models import Event
from core.permissions import Role as Member
from remediations.models import Remediation
from remediations.services import withdraw_remediation
from scans.models import Scan, Verification, VerificationScan
from scans.runners import RECIPES, Recipe
from scans.services.doors import judge_fix, merge_fix, propose_fix
from scans.services.recipes import add_recipe
from scans.services.uploads import order_scan, upload_scan
from scans.services.verify import verify_by, verify_now, why_not_verify
from scans.statuses import Purpose, Role, ScanState
from tests.factories import default_line, make_asset, member, now, run_job
from tests.scans.repository import SAFE, WEAK

pytestmark = pytest.mark.django_db


class Story:
    """A weakness that our own runner found in a real repository, and a fix of it."""

    def __init__(self, repository):
        self.asset = make_asset(repository=str(repository.folder))
        self.developer = member(self.asset.scope, Member.DEVELOPER)
        self.base = repository.commit({"app.py": WEAK})
        run_job(self.ordered())
        self.finding = self.asset.findings.get(rule="B602")
        self.head = repository.commit({"app.py": SAFE})
        diff = repository.git("diff", self.base, self.head) + "\n"
        self.fix = propose_fix(
            asset=self.asset, line=default_line(self.asset), findings=[self.finding], title="Fix",
            base_commit=self.base, head_commit=self.head, diff=diff.encode(),
            by=self.developer, at=now(),
        )  # fmt: skip

    def ordered(self):
        pipeline = member(self.asset.scope, Member.PIPELINE)
        line = default_line(self.asset)
        return order_scan(
            asset=self.asset, recipe="bandit", commit=self.base, line=line, by=pipeline, at=now()
        )[0]

    def verify(self, **more):
        return verify_now(remediation=self.fix, **{"by": self.developer, "at": now(), **more})


@pytest.fixture
def story(files, repository):
    return Story(repository)


def told(scans):
    return [(s.recipe["name"], s.purpose, s.commit) for s in scans]


def test_the_engine_that_found_it_scans_the_head_and_the_base_as_control(story):
    scans = story.verify()
    assert told(scans) == [("bandit", "fix", story.head), ("bandit", "control", story.base)]
    assert {s.recipe["digest"] for s in scans} == {RECIPES["bandit"].digest}
    assert [run_job(scan).state for scan in scans] == ["done", "done"]
    judged = Verification.objects.current().get(finding=story.finding)
    roles = dict(
        VerificationScan.objects.filter(verification=judged).values_list("role", "scan_id")
    )
    assert roles[Role.AFTER] == scans[0].pk and roles[Role.CONTROL] == scans[1].pk
    outcomes = {check["id"]: check["outcome"] for check in judged.judgement["checks"]}
    assert outcomes["POSITIVE_CONTROL"] == outcomes["SAME_CLASS"] == "PASS"


def test_another_engine_of_the_class_is_believed_for_its_own_control(story, files):
    """The finding as another scanner told it; that scanner is not ours to start."""
    told = json.dumps({"version": "2.1.0", "runs": [{
        "tool": {"driver": {"name": "Fortify", "version": "24.1"}},
        "results": [{"ruleId": "command-injection", "message": {"text": "shell=True"}, "level": "error",
                     "taxa": [{"id": "78", "toolComponent": {"name": "CWE"}}],
                     "locations": [{"physicalLocation": {
                         "artifactLocation": {"uri": "app.py"}, "region": {"startLine": 5}}}]}]}]})  # fmt: skip
    line, pipeline = default_line(story.asset), member(story.asset.scope, Member.PIPELINE)
    facts = {"commit": story.base, "tool_class": "sast", "scope": "full"}
    run_job(upload_scan(asset=story.asset, line=line, data=told.encode(), facts=facts,
                        by=pipeline, at=now())[0])  # fmt: skip
    finding = story.asset.findings.get(tool="Fortify")
    fix = propose_fix(
        asset=story.asset, line=line, findings=[finding], title="Fix", by=story.developer, at=now(),
        base_commit=story.base, head_commit=story.head,
    )  # fmt: skip
    scans = verify_by(remediation=fix, recipe="bandit", by=story.developer, at=now())
    assert [run_job(scan).state for scan in scans] == ["done", "done"]
    judged = Verification.objects.current().get(finding=finding, remediation=fix)
    outcomes = {c["id"]: (c["outcome"], c["reason"]) for c in judged.judgement["checks"]}
    assert outcomes["SAME_CLASS"][0] == "PASS", outcomes["SAME_CLASS"]


def outcome_of(check, story):
    judged = Verification.objects.current().get(finding=story.finding)
    return {c["id"]: c["outcome"] for c in judged.judgement["checks"]}[check]


def test_who_made_the_fix_may_press_the_button_it_is_not_their_scan(story):
    assert story.fix.created_by == story.developer
    Remediation.objects.filter(pk=story.fix.pk).update(author=story.developer.username)
    for scan in story.verify():
        run_job(scan)
    assert outcome_of("INDEPENDENCE", story) == "PASS"


def test_with_a_recipe_that_the_fixer_wrote_it_is_their_scan(story, settings):
    settings.RUNNER_OWN_RECIPES = True
    admin = member(story.asset.scope, Member.ADMIN)
    add_recipe(scope=story.asset.scope, name="mine", tool="Bandit", tool_class="sast",
               command=list(RECIPES["bandit"].command), config=RECIPES["bandit"].config,
               config_name="own.ini", ok_exit_codes=[0, 1], by=admin, at=now())  # fmt: skip
    Remediation.objects.filter(pk=story.fix.pk).update(author=admin.username)
    for scan in verify_by(remediation=story.fix, recipe="mine", by=story.developer, at=now()):
        assert run_job(scan).state == ScanState.DONE
    assert outcome_of("INDEPENDENCE", story) == "FAIL"


def test_an_agent_that_the_fixer_asks_is_their_scan(story, settings):
    settings.RUNNER_OWN_RECIPES = True
    add_recipe(scope=story.asset.scope, name="agent", tool="Agent", tool_class="agentic",
               command=["true", "{out}"], vendor="Acme", model="acme-2",
               by=member(story.asset.scope, Member.ADMIN), at=now())  # fmt: skip
    (scan, _) = verify_by(remediation=story.fix, recipe="agent", by=story.developer, at=now())
    assert scan.facts["uploader"] == story.developer.username


def test_pressed_twice_nothing_is_scanned_twice(story):
    first = story.verify()
    assert [s.pk for s in story.verify()] == [first[0].pk]
    for scan in first:
        run_job(scan)
    again = story.verify()
    assert told(again) == [("bandit", "fix", story.head)]
    assert again[0].pk not in [s.pk for s in first]
    assert Scan.objects.filter(purpose=Purpose.CONTROL).count() == 1


@pytest.mark.parametrize("state", ["failed", "quarantined", "cancelled"])
def test_a_control_that_came_to_nothing_is_ordered_again(story, state):
    control = story.verify()[1]
    Scan.objects.filter(pk=control.pk).update(state=state)
    assert [s.purpose for s in story.verify()] == ["fix", "control"]


def test_another_version_of_the_recipe_needs_its_own_control(story, monkeypatch):
    story.verify()
    changed = Recipe(name="bandit", tool="Bandit", tool_class="sast",
                     command=("bandit", "-q", "-r", ".", "-f", "sarif", "-o", "{out}"))  # fmt: skip
    monkeypatch.setitem(RECIPES, "bandit", changed)
    assert [s.purpose for s in story.verify()] == ["fix", "control"]


def test_what_merged_is_scanned_when_it_merged(story, repository):
    merged = repository.commit({"README": "merged\n"})
    merge_fix(
        remediation=story.fix, merge_commit=merged, merge_tree="", by=story.developer, at=now()
    )
    story.fix.refresh_from_db()
    assert told(story.verify())[0] == ("bandit", "fix", merged)


def test_without_its_engine_all_of_its_class_that_can_be_started_are_ordered(story, tools):
    story.fix.findings.update(tool="Fortify", rule="x")
    names = {scan.recipe["name"] for scan in story.verify()}
    assert {"bandit", "ruff"} <= names and "pip-audit" not in names


def test_a_recipe_of_the_scopes_own_for_the_engine_fits(story, settings):
    settings.RUNNER_OWN_RECIPES = True
    add_recipe(scope=story.asset.scope, name="fortify", tool="Fortify", tool_class="sast",
               command=["true", "{out}"], by=member(story.asset.scope, Member.ADMIN), at=now())  # fmt: skip
    story.fix.findings.update(tool="fortify")
    assert {scan.recipe["name"] for scan in story.verify()} == {"fortify"}


def refused(story, user=None):
    """The sentence with which all doors refuse; nothing is ordered."""
    before, user = Scan.objects.count(), user or story.developer
    sentence = why_not_verify(story.fix, user, story.fix.findings.all())
    assert sentence
    with pytest.raises((WrongState, NotAllowed)):
        story.verify(by=user)
    assert Scan.objects.count() == before
    return sentence


def test_what_is_in_the_way_is_said(story, monkeypatch):
    assert why_not_verify(story.fix, story.developer, story.fix.findings.all()) == ""
    assert "does not allow" in refused(story, member(story.asset.scope, Member.VIEWER))
    story.fix.findings.update(tool="Trivy", tool_class="container")
    assert refused(story) == "No recipe of the runner is of the tools that found these."
    story.fix.findings.update(tool="pip-audit", tool_class="sca")
    assert "CTEM_RUNNER_NETWORK" in refused(story)
    story.fix.asset.repository = ""
    assert "no repository" in refused(story)
    withdraw_remediation(remediation=story.fix, by=story.developer, at=now(), reason="No.")
    story.fix.refresh_from_db()
    assert refused(story) == "The fix was withdrawn."


def test_an_unknown_recipe_is_refused(story):
    with pytest.raises(BadInput, match="unknown"):
        verify_by(remediation=story.fix, recipe="curl", by=story.developer, at=now())


def test_each_order_is_an_event(story):
    scans = story.verify()
    events = Event.objects.filter(action="scan.ordered", subject_id__in=[s.pk for s in scans])
    assert {event.actor for event in events} == {story.developer} and len(events) == 2


def test_a_blind_recipe_is_shown_up_by_its_control(story, repository, probe):
    probe("echo '{\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{\"name\":\"Bandit\",\"version\":"
          "\"1.9.4\"}},\"results\":[]}]}' > {out}", tool="Bandit")  # fmt: skip
    for scan in verify_by(remediation=story.fix, recipe="probe", by=story.developer, at=now()):
        assert run_job(scan).state == ScanState.DONE
    judge_fix(remediation=story.fix, by=story.developer, at=now())
    judged = Verification.objects.current().get(finding=story.finding)
    outcomes = {check["id"]: check["outcome"] for check in judged.judgement["checks"]}
    assert outcomes["POSITIVE_CONTROL"] == "FAIL" and judged.verdict != "pass"
