"""Revocations of secrets, the whole way: a finding of a secret scanner closes once somebody says so."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import gate
from core.errors import BadInput, NotAllowed, WrongState
from core.events import broken_links
from core.models import Event
from core.permissions import ROLE_PERMISSIONS, Permission, Role
from findings.models import Finding
from findings.statuses import Status
from gate import certificate, dsse
from remediations.models import SecretRevocation
from remediations.services import withdraw_remediation
from scans.certificates import public_keys
from scans.models import Clearance, Verification
from scans.services.clearances import bundle
from scans.services.doors import newest_verification
from scans.services.verification import failing_checks
from scopes.services import set_policy
from tests.factories import (
    add_member,
    approve,
    default_line,
    import_finding,
    make_asset,
    make_policy,
    make_remediation,
    make_scope,
    make_user,
    member,
    merge,
    now,
)
from tests.scans.evidence import HASH, SECRET, revoke_secret, scan, secret_finding, secret_fix

pytestmark = pytest.mark.django_db
FETCHED = {"evidence": "GET /user answered 401 with it."}


@pytest.fixture
def finding(scope):
    return secret_finding(make_asset(scope))


@pytest.fixture
def fix(finding):
    """A good fix, reviewed, scanned and merged: nothing is left but the revocation."""
    fix = secret_fix(finding)
    approve(fix)
    fix = merge(fix)
    assert failing(finding) == {"CLASS_SPECIFIC"}
    return fix


def failing(finding):
    return {check["id"] for check in failing_checks(newest_verification(finding).judgement)}


def check_of(finding, check="CLASS_SPECIFIC"):
    rows = newest_verification(finding).judgement["checks"]
    return next(row for row in rows if row["id"] == check)


def status(finding):
    return Finding.objects.get(pk=finding.pk).status


# --- the whole way -------------------------------------------------------------------------------
def test_a_secret_closes_only_once_its_revocation_is_shown_and_the_certificate_says_so(
    finding, fix
):
    before = newest_verification(finding)
    assert (before.verdict, check_of(finding)["outcome"]) == ("unknown", "UNKNOWN")
    assert "nothing shows that it was revoked" in check_of(finding)["reason"]
    assert status(finding) != Status.MOBILIZATION_COMPLETE
    row = revoke_secret(finding)
    after = newest_verification(finding)
    assert (after.verdict, after.supersedes_id) == ("pass", before.pk)
    assert (row.source, row.state) == ("declared", "revoked")
    assert status(finding) == Status.MOBILIZATION_COMPLETE
    clearance = Clearance.objects.get(finding=finding)
    payload = dsse.decode(clearance.certificate.encode()).payload
    said = dsse.load_json(payload, "certificate")["predicate"]["judgement"]["checks"]
    (told,) = [c for c in said if c["id"] == "CLASS_SPECIFIC"]
    assert told["outcome"] == "PASS"
    assert row.by.username in told["reason"] and row.method in told["reason"]
    verified = certificate.verify_bundle(bundle(clearance), public_keys())
    assert verified.ok, verified.steps
    assert list(broken_links()) == []


def test_a_revocation_is_one_event_of_the_finding(finding, fix):
    row = revoke_secret(finding)
    event = Event.objects.get(action="finding.revocation_recorded")
    assert (event.subject, event.subject_id, event.actor) == ("finding", finding.pk, row.by)
    assert (event.data["state"], event.data["source"]) == ("revoked", "declared")


def test_it_may_be_told_before_there_is_a_fix(finding):
    revoke_secret(finding)
    assert not Verification.objects.exists()
    fix = secret_fix(finding)
    approve(fix)
    merge(fix)
    assert status(finding) == Status.MOBILIZATION_COMPLETE


def test_two_secrets_in_one_fix_are_each_their_own(scope):
    """A word about another finding stands in none but its own facts, or no bundle would verify."""
    asset = make_asset(scope)
    both = f'DEBUG = False\nAPI_KEY = "{HASH}"\n\n\ndef old():\n    return "old-{HASH}"\n'
    base = SECRET.change({"app/settings.py": both})
    head = base.change({"app/settings.py": "DEBUG = False\n"})
    scan(asset, base, "secrets", line=default_line(asset))
    one, two = Finding.objects.filter(asset=asset).order_by("pk")
    fix = make_remediation(one, two, code=head, base=base)
    scan(asset, head, "secrets", remediation=fix)
    approve(fix)
    merge(fix)
    revoke_secret(one)
    assert failing(one) == set()
    assert status(two) != Status.MOBILIZATION_COMPLETE
    assert "revocations" not in newest_verification(two).inputs["facts"]
    assert certificate.verify_bundle(bundle(Clearance.objects.get()), public_keys()).ok
    revoke_secret(two)
    (row,) = newest_verification(two).inputs["facts"]["revocations"]
    assert row["finding"] == newest_verification(two).inputs["finding"]
    clearance = Clearance.objects.get(finding=two)
    assert certificate.verify_bundle(bundle(clearance), public_keys()).ok


def test_a_service_account_fetched_it_and_says_what_it_saw(finding, fix):
    row = revoke_secret(finding, member(finding.scope, Role.PIPELINE), **FETCHED)
    assert row.source == "fetched"
    assert "shown by GET /user answered 401" in check_of(finding)["reason"]
    assert status(finding) == Status.MOBILIZATION_COMPLETE


def test_where_the_policy_asks_for_fetched_a_persons_word_leaves_it_unknown():
    text = Path(gate.__file__).with_name("data").joinpath("default_policy.toml").read_text()
    text = text.replace('least_source = "declared"', 'least_source = "fetched"')
    scope = make_scope()
    set_policy(scope=scope, policy=make_policy(text, "strict"), by=None, at=now())
    finding = secret_finding(make_asset(scope))
    secret_fix(finding)
    revoke_secret(finding)
    assert "declared only, the policy asks for fetched" in check_of(finding)["reason"]
    revoke_secret(finding, member(finding.scope, Role.PIPELINE), **FETCHED)
    assert check_of(finding)["outcome"] == "PASS"


def test_the_newest_word_decides_and_an_active_secret_fails(finding):
    fix = secret_fix(finding)
    approve(fix)
    early = now() - timedelta(hours=1)
    revoke_secret(finding, as_of=early)
    assert check_of(finding)["outcome"] == "PASS"
    revoke_secret(finding, state="active", method="The provider still took it.")
    assert check_of(finding)["outcome"] == "FAIL"
    merge(fix)
    assert status(finding) != Status.MOBILIZATION_COMPLETE
    revoke_secret(finding, state="never_live", method="A value of a test.", as_of=early)
    assert check_of(finding)["outcome"] == "FAIL"  # it is older
    revoke_secret(finding, at=now() + timedelta(minutes=1))
    assert status(finding) == Status.MOBILIZATION_COMPLETE


def test_of_two_words_of_one_moment_the_worse_counts(finding):
    secret_fix(finding)
    moment = now() - timedelta(hours=1)
    revoke_secret(finding, as_of=moment)
    revoke_secret(finding, as_of=moment, state="active")
    assert check_of(finding)["outcome"] == "FAIL"


# --- who may not, and what may not be ------------------------------------------------------------
def fixers(user):
    commit = {"id": "c" * 40, "message": "Fix\n", "author": "dev <d@e.example>"}
    return {
        "author": {"commits": [{**commit, "author": f"{user.username} <x@y.example>"}]},
        "author's mail": {"commits": [{**commit, "author": f"Somebody <{user.email}>"}]},
        "committer": {"commits": [{**commit, "committer": f"x <{user.email}>"}]},
        "co-author": {
            "commits": [{**commit, "message": f"F\n\nCo-authored-by: z <{user.email}>\n"}]
        },
        "told author": {"author": user.username, "commits": [commit]},
        "submitter": {"by": user, "commits": [commit]},
    }


FIXERS = ("author", "author's mail", "committer", "co-author", "told author", "submitter")


@pytest.mark.parametrize("how", FIXERS)
def test_the_fixer_says_nothing_of_their_own_fix(finding, how):
    analyst = member(finding.scope, Role.ANALYST)
    secret_fix(finding, **fixers(analyst)[how])
    with pytest.raises(NotAllowed, match="their own fix"):
        revoke_secret(finding)
    assert not SecretRevocation.objects.exists() and set(FIXERS) == set(fixers(analyst))
    other = add_member(finding.scope, make_user("second"), Role.DEVELOPER)
    revoke_secret(finding, other)
    assert check_of(finding)["outcome"] == "PASS"


@pytest.mark.parametrize("role", [Role.ANALYST, Role.PIPELINE])
def test_who_told_of_it_first_and_makes_the_fix_afterwards_is_not_believed(finding, role):
    by = member(finding.scope, role)
    revoke_secret(finding, by, **FETCHED)
    commit = {"id": "c" * 40, "message": "Fix\n", "author": f"Somebody <{by.email}>"}
    fix = secret_fix(finding, commits=[commit])
    approve(fix, add_member(finding.scope, make_user("second"), Role.DEVELOPER))
    merge(fix)
    assert check_of(finding)["outcome"] == "UNKNOWN"
    revoke_secret(finding, make_user("second"))
    assert check_of(finding)["outcome"] == "PASS"


def test_a_pipeline_that_proposed_the_fix_may_tell_and_one_that_wrote_it_may_not(finding):
    pipeline = member(finding.scope, Role.PIPELINE)
    commit = {"id": "c" * 40, "message": "Fix\n", "author": "dev <d@e.example>"}
    fix = secret_fix(finding, by=pipeline, commits=[commit])
    revoke_secret(finding, pipeline, **FETCHED)
    withdraw_remediation(
        remediation=fix, reason="Another.", by=member(fix.scope, Role.DEVELOPER), at=now()
    )
    secret_fix(finding, commits=[{**commit, "author": f"{pipeline.username} <{pipeline.email}>"}])
    with pytest.raises(NotAllowed, match="their own fix"):
        revoke_secret(finding, pipeline, **FETCHED)


def may_tell(role):
    needed = (
        Permission.UPLOAD_SCAN if role in (Role.PIPELINE, Role.TICKETING) else Permission.REVIEW
    )
    return needed in ROLE_PERMISSIONS[role]


@pytest.mark.parametrize("role", Role)
def test_people_who_may_review_and_services_that_may_upload_tell_of_it(finding, role):
    by = member(finding.scope, role)
    if may_tell(role):
        assert revoke_secret(finding, by, **FETCHED).by == by
    else:
        with pytest.raises(NotAllowed):
            revoke_secret(finding, by, **FETCHED)
    assert SecretRevocation.objects.exists() == may_tell(role)


def test_nobody_tells_of_a_secret_of_another_scope(finding, outsider):
    add_member(outsider.memberships.get().scope, stranger := make_user("stranger"), Role.APPROVER)
    with pytest.raises(NotAllowed):
        revoke_secret(finding, stranger)


@pytest.mark.parametrize(("name", "kind"), [("helper", "ai"), ("copilot-swe-agent[bot]", "human")])
def test_an_account_of_an_agent_tells_nothing(finding, name, kind):
    machine = add_member(finding.scope, make_user(name, kind), Role.APPROVER)
    with pytest.raises(NotAllowed, match="not a person"):
        revoke_secret(finding, machine)


AHEAD = datetime.now(UTC) + timedelta(days=1)
BAD = {
    "no method": ({"method": " \n"}, "method: must not be empty"),
    "a bell": ({"method": "ring \x07"}, "control characters"),
    "no such state": ({"state": "gone"}, "state: 'gone' is none of"),
    "tomorrow": ({"as_of": AHEAD}, "as_of: is in the future"),
    "long ago": ({"as_of": datetime(1, 1, 1, tzinfo=UTC)}, "before 1970"),
    "it comes tomorrow": ({"committed_at": AHEAD}, "committed_at: is in the future"),
    "before it came": (
        {"as_of": datetime(2026, 1, 1, tzinfo=UTC), "committed_at": datetime(2026, 1, 2, tzinfo=UTC)},
        "before the secret came in",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", BAD)
def test_what_cannot_be_used_is_refused_with_its_place(finding, why):
    changes, said = BAD[why]
    with pytest.raises(BadInput, match=said):
        revoke_secret(finding, **changes)
    assert not SecretRevocation.objects.exists()


def test_a_service_that_does_not_say_what_it_saw_is_refused(finding):
    with pytest.raises(BadInput, match="evidence: must say what was seen"):
        revoke_secret(finding, member(finding.scope, Role.PIPELINE))


def test_a_clock_some_minutes_ahead_means_now(finding):
    at = now()
    assert revoke_secret(finding, at=at, as_of=at + timedelta(minutes=3)).as_of == at


def test_nothing_is_told_of_what_is_no_secret_or_closed(finding, fix):
    with pytest.raises(WrongState, match="is no secret"):
        revoke_secret(import_finding(make_asset(finding.scope)))
    revoke_secret(finding)
    with pytest.raises(WrongState, match="nothing waits for it"):
        revoke_secret(finding)
