"""Fixes: proposed, pushed, reviewed by somebody else, merged once. A merge is a claim and no proof."""

from datetime import timedelta

import pytest

from core.errors import BadInput, NotAllowed, TooLarge, WrongState
from core.events import broken_links
from core.models import Event
from core.permissions import Role
from findings.lifecycle import transition
from findings.models import Finding
from findings.statuses import ENDED, Status
from remediations.models import Remediation, Review
from remediations.services import (
    propose_remediation,
    record_deployment,
    record_merge,
    record_review,
    withdraw_remediation,
)
from remediations.statuses import RemediationState
from tests.code import identifier
from tests.factories import (
    add_member,
    approve,
    code_of,
    default_line,
    fixed_code,
    import_finding,
    make_asset,
    make_finding,
    make_remediation,
    make_user,
    member,
    merge,
    now,
    push,
    take,
)

pytestmark = pytest.mark.django_db


def review(fix: Remediation, by, commit: str = "", decision: str = "approved") -> Review:
    return record_review(
        remediation=fix, by=by, decision=decision, at=now(), commit=commit or fix.head_commit
    )


@pytest.fixture
def finding():
    return import_finding()


@pytest.fixture
def fix(finding):
    return make_remediation(finding)


@pytest.fixture
def analyst(finding):
    return member(finding.scope, Role.ANALYST)


@pytest.fixture
def developer(finding):
    return member(finding.scope, Role.DEVELOPER)


# --- proposing -----------------------------------------------------------------------------------
def test_a_proposed_fix_starts_the_mobilization_of_its_findings(finding, fix, developer):
    finding.refresh_from_db()
    assert (finding.status, fix.state) == (Status.MOBILIZING, RemediationState.PROPOSED)
    assert list(fix.findings.all()) == [finding]
    assert (fix.created_by, fix.author) == (developer, f"{developer.username} <{developer.email}>")
    assert [(f.path, f.change, f.added, f.removed) for f in fix.changed_files.all()] == [
        (finding.path, "modified", 1, 1)
    ]


def test_the_same_revisions_again_are_the_same_fix_with_further_findings_linked(finding, fix):
    other = import_finding(finding.asset)
    again = propose_remediation(
        asset=fix.asset, line=fix.line, findings=[finding, other], base_commit=fix.base_commit,
        head_commit=fix.head_commit, by=fix.created_by, at=now(), title="Another title",
    )  # fmt: skip
    assert again == fix
    assert Remediation.objects.count() == 1
    assert set(again.findings.all()) == {finding, other}
    assert Event.objects.filter(action="remediation.proposed").count() == 1
    assert Event.objects.filter(action="finding.mobilize").count() == 2


def test_a_withdrawn_fix_proposed_again_is_a_new_one(finding, fix, developer):
    withdraw_remediation(remediation=fix, reason="Wrong way.", by=developer, at=now())
    assert make_remediation(finding, code=fixed_code(finding.line, finding)) != fix


@pytest.mark.parametrize("status", ENDED)
def test_only_open_findings_are_fixed(status):
    finding = make_finding(at=status)
    fixes = Remediation.objects.count()
    with pytest.raises(
        WrongState, match=f"{finding} is {status.label}; only open findings are fixed"
    ):
        make_remediation(finding, code=code_of(finding.line).change({"new.py": "x = 1\n"}))
    assert Remediation.objects.count() == fixes


def test_a_finding_of_another_asset_is_not_fixed_here(finding, developer):
    other = make_asset(finding.scope)
    with pytest.raises(BadInput, match=f"findings: {finding} is not on this line of this asset"):
        propose_remediation(
            asset=other, line=default_line(other), findings=[finding], base_commit=identifier("a"),
            head_commit=identifier("b"), by=developer, at=now(), title="x",
        )  # fmt: skip
    assert not Remediation.objects.exists()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.TICKETING])
def test_who_may_not_propose_may_not_push_merge_deploy_or_withdraw_either(finding, fix, role):
    by = member(finding.scope, role)
    for refused in (
        lambda: make_remediation(import_finding(finding.asset), by=by),
        lambda: record_merge(
            remediation=fix, merge_commit="a" * 40, merge_tree="", by=by, at=now()
        ),
        lambda: record_deployment(remediation=fix, deployed_at=now(), by=by, at=now()),
        lambda: withdraw_remediation(remediation=fix, reason="x", by=by, at=now()),
    ):
        with pytest.raises(NotAllowed):
            refused()
    assert Remediation.objects.get() == fix


@pytest.mark.parametrize(
    ("diff", "place"),
    [
        (b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,5 +1,1 @@\n-a\n", "diff"),
        (b"\xff\xfe not a diff", "diff"),
        (b"@@ -1 +1 @@\n-a\n+b\n", "diff"),
    ],
)
def test_a_diff_that_cannot_be_read_is_refused_with_its_place_and_nothing_is_kept(
    finding, diff, place
):
    with pytest.raises(BadInput, match=place):
        make_remediation(finding, diff=diff)
    finding.refresh_from_db()
    assert finding.status == Status.PRIORITIZED
    assert not Remediation.objects.exists()


def test_limits_are_named_with_their_values(finding, settings):
    settings.MAX_DIFF_BYTES = 20
    with pytest.raises(TooLarge, match=r"larger than allowed \(\d+ > 20 bytes\)"):
        make_remediation(finding)
    settings.MAX_DIFF_BYTES = 10**6
    commit = {"id": "a" * 40, "message": "x", "author": "x", "committer": "x"}
    with pytest.raises(BadInput, match=r"more commits than allowed \(501 > 500\)"):
        make_remediation(finding, commits=[commit] * 501)
    with pytest.raises(BadInput, match=r"more findings than allowed \(201 > 200\)"):
        make_remediation(*[finding] * 201)


@pytest.mark.parametrize(
    "commit", ["", "main", "abc", "A" * 40, "g" * 40, "a" * 41, "\x00" * 40, "a" * 39 + "\n"]
)
@pytest.mark.parametrize("member_", ["base_commit", "head_commit"])
def test_a_revision_that_is_no_commit_id_is_refused_by_name(finding, member_, commit):
    with pytest.raises(BadInput, match=member_):
        make_remediation(finding, **{member_: commit})
    assert not Remediation.objects.exists()


def test_what_a_database_cannot_hold_is_replaced_in_the_words_of_a_fix(finding):
    person = "Dev\x00 <dev@example.org>"
    fix = make_remediation(
        finding, title="Fix\x00\ud800", branch="fix\x00", url="https://example.org/\x00",
        commits=[{"id": "a" * 40, "message": "msg\x00\udfff", "author": person, "committer": person}],
    )  # fmt: skip
    fix.refresh_from_db()
    assert fix.title == "Fix\ufffd\ufffd"
    assert fix.commits[0]["message"] == "msg\ufffd\ufffd"
    assert fix.branch == "fix\ufffd"


# --- pushing -------------------------------------------------------------------------------------
def test_a_new_revision_takes_the_claim_back_and_the_older_review_with_it(finding, fix, analyst):
    approve(fix)
    make_claim(finding)
    pushed = push(fix, fixed_code(finding.line, finding).change({"app/more.py": "more = 1\n"}))
    finding.refresh_from_db()
    assert finding.status == Status.MOBILIZING
    assert (finding.claimed_at, finding.claimed_by) == (None, None)
    assert pushed.head_commit != fix.head_commit
    assert pushed.pushed_at > fix.pushed_at
    current = pushed.verifications.current().get()
    assert current.head_commit == pushed.head_commit
    assert current.right != "pass"
    event = Event.objects.get(action="finding.send_back")
    assert "new revision" in event.data["reason"]


def make_claim(finding: Finding) -> None:
    by = member(finding.scope, Role.DEVELOPER)
    transition(finding.pk, "claim", by=by, at=now(), brought={"reason": "done"})


def test_a_push_replaces_what_followed_from_the_older_revision(finding, fix):
    head = code_of(finding.line).change({"app/other.py": "x = 1\n", finding.path: None})
    pushed = push(fix, head)
    assert {(f.path, f.change) for f in pushed.changed_files.all()} == {
        ("app/other.py", "added"), (finding.path, "deleted"),
    }  # fmt: skip


@pytest.mark.parametrize("state", ["merged", "withdrawn"])
def test_a_fix_that_is_over_takes_no_push(fix, developer, state):
    if state == "merged":
        merge(fix)
    else:
        withdraw_remediation(remediation=fix, reason="x", by=developer, at=now())
    with pytest.raises(WrongState, match=f"The fix is {state}"):
        push(fix)


# --- reviewing -----------------------------------------------------------------------------------
def test_a_review_is_of_the_newest_revision_and_nothing_else(fix, analyst):
    old = fix.head_commit
    pushed = push(fix)
    with pytest.raises(WrongState, match=f"The revision {old[:12]} is not the newest"):
        review(pushed, analyst, commit=old)
    with pytest.raises(WrongState, match="is not the newest"):
        review(fix, analyst, commit="")  # a page that was open before the push
    assert review(pushed, analyst).commit == pushed.head_commit
    assert Review.objects.count() == 1


def test_nobody_reviews_what_they_proposed(finding):
    approver = member(finding.scope, Role.APPROVER)
    fix = make_remediation(finding, by=approver)
    with pytest.raises(NotAllowed, match="Nobody reviews their own fix"):
        review(fix, approver)


ME = {"username": "jane", "email": "jane.doe@example.org", "first_name": "Jane", "last_name": "Doe"}
OTHER = "Sam Other <sam@example.org>"


@pytest.mark.parametrize(
    ("place", "mention"),
    [
        ("author", "Jane Doe <jane.doe@example.org>"),
        ("author", "somebody else <JANE.DOE@EXAMPLE.ORG>"),
        ("author", "jane.doe@example.org"),
        ("author", "jane"),
        ("author", "@jane"),
        ("author", "Jane <12345+jane@users.noreply.github.com>"),
        ("author", "Jane  Doe <private@elsewhere.example>"),
        ("committer", "Jane Doe <jane.doe@example.org>"),
        ("message", "Fix\n\nCo-authored-by: Jane Doe <jane.doe@example.org>\n"),
        ("declared", "jane"),
        ("declared", "Jane Doe"),
    ],
)
def test_nobody_reviews_a_fix_that_they_wrote_part_of(finding, place, mention):
    commit = {"id": "a" * 40, "message": "Fix\n", "author": OTHER, "committer": OTHER}
    if place == "declared":
        fix = make_remediation(finding, commits=[commit], author=mention)
    else:
        fix = make_remediation(finding, commits=[{**commit, place: mention}])
    jane = add_member(finding.scope, make_user("jane"), Role.ANALYST)
    for name, value in ME.items():
        setattr(jane, name, value)
    jane.save()
    with pytest.raises(NotAllowed, match="Nobody reviews their own fix"):
        review(fix, jane)
    assert review(fix, member(finding.scope, Role.APPROVER)).decision == "approved"


@pytest.mark.parametrize("kind", ["service", "ai"])
def test_a_review_is_a_persons(fix, kind):
    account = add_member(fix.scope, make_user("robot", kind), Role.ANALYST)
    with pytest.raises(NotAllowed, match="this account is not a person"):
        review(fix, account)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN, Role.PIPELINE, Role.TICKETING])
def test_who_has_no_say_reviews_nothing(fix, role):
    with pytest.raises(NotAllowed):
        review(fix, member(fix.scope, role))


def test_a_decision_that_does_not_exist_is_refused(fix, analyst):
    with pytest.raises(BadInput, match="decision"):
        review(fix, analyst, decision="lgtm")


def test_a_fix_that_was_withdrawn_is_not_reviewed(fix, analyst, developer):
    withdraw_remediation(remediation=fix, reason="x", by=developer, at=now())
    with pytest.raises(WrongState, match="withdrawn"):
        review(fix, analyst)


# --- merging -------------------------------------------------------------------------------------
def test_a_merge_claims_its_findings_and_proves_none(finding, fix, developer):
    merged = merge(fix)
    finding.refresh_from_db()
    assert (merged.state, merged.merge_tree) == (RemediationState.MERGED, fix.head_tree)
    assert finding.status == Status.AWAITING_VERIFICATION
    assert (finding.claimed_by, finding.verified_at) == (developer, None)


def test_a_squash_merge_is_another_commit_of_the_same_tree(fix):
    merged = merge(fix)
    assert merged.merge_commit != merged.head_commit
    assert merged.merge_tree == merged.head_tree


def test_the_same_merge_again_changes_nothing(fix):
    merged = merge(fix)
    events = Event.objects.count()
    again = record_merge(
        remediation=fix,
        merge_commit=merged.merge_commit,
        merge_tree="",
        by=fix.created_by,
        at=now(),
    )
    assert (again.merged_at, again.merge_tree) == (merged.merged_at, merged.merge_tree)
    assert Event.objects.count() == events


def test_another_merge_of_a_merged_fix_is_refused(fix):
    merged = merge(fix)
    with pytest.raises(WrongState, match=f"has merged as {merged.merge_commit[:12]} already"):
        record_merge(
            remediation=fix, merge_commit="b" * 40, merge_tree="", by=fix.created_by, at=now()
        )


def test_a_withdrawn_fix_does_not_merge(fix, developer):
    withdraw_remediation(remediation=fix, reason="x", by=developer, at=now())
    with pytest.raises(WrongState, match="was withdrawn"):
        merge(fix)


@pytest.mark.parametrize("commit", ["", "HEAD", "abc123", "Z" * 40])
def test_a_merge_needs_a_commit_id(fix, commit):
    with pytest.raises(BadInput, match="merge_commit"):
        record_merge(
            remediation=fix, merge_commit=commit, merge_tree="", by=fix.created_by, at=now()
        )
    fix.refresh_from_db()
    assert fix.state == RemediationState.PROPOSED


def test_a_merge_leaves_a_finding_that_was_ended_meanwhile_alone():
    finding = make_finding(at=Status.MOBILIZING)
    fix = finding.remediations.get()
    take("dismiss", finding)
    merge(fix)
    finding.refresh_from_db()
    assert finding.status == Status.FALSE_POSITIVE


def test_only_what_merged_is_deployed(fix, developer):
    with pytest.raises(WrongState, match="Only a merged fix"):
        record_deployment(remediation=fix, deployed_at=now(), by=developer, at=now())
    merge(fix)
    later = now() + timedelta(hours=1)
    record_deployment(remediation=fix, deployed_at=later, by=developer, at=now())
    fix.refresh_from_db()
    assert fix.deployed_at == later
    assert list(broken_links()) == []


def test_one_fix_of_several_findings_claims_each(finding):
    others = [import_finding(finding.asset) for _ in range(2)]
    fix = make_remediation(finding, *others)
    merge(fix)
    assert set(Finding.objects.values_list("status", flat=True)) == {Status.AWAITING_VERIFICATION}
