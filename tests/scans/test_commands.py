"""The operator's commands: what a database holds that somebody wrote to past its constraints (T03)."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from core.models import Event, User
from core.permissions import Role
from findings.lifecycle import TRANSITIONS
from findings.models import Finding
from findings.statuses import OPEN, Status
from gate.certificate import open_envelope
from gate.policy import DEFAULT
from scans.certificates import public_keys
from scans.ingest.records import digest
from scans.models import Clearance, Scan
from scans.services.integrity import broken_closures
from scopes.models import ApiToken, Membership, Scope
from tests import buckets
from tests.buckets import path_of
from tests.factories import import_finding, make_finding, member, push, scan_fix, take
from tests.scans.unguarded import unguarded

ROOT = Path(__file__).resolve().parents[2]


def said(command: str, *arguments: str) -> str:
    """What the command printed."""
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def broken(command: str) -> list[str]:
    """What a command that must end with status 1 named, line by line."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command(command, stdout=out)
    assert caught.value.returncode == 1
    return out.getvalue().splitlines()


# --- closure_fsck --------------------------------------------------------------------------------
@pytest.fixture
def closed(files):
    return make_finding(at=Status.MOBILIZATION_COMPLETE)


@pytest.fixture
def unanswering(closed, settings, monkeypatch):
    """Stored files are in a bucket that nobody answers for, from here on."""
    for name, value in buckets.KEYS.items():
        monkeypatch.setenv(name, value)
    buckets.use(settings, f"s3://gone?endpoint=http://127.0.0.1:{buckets.free_port()}")


@pytest.fixture
def clearance(closed):
    return Clearance.objects.select_related("verification").get(finding=closed)


@pytest.mark.django_db
def test_a_sound_database_has_nothing_to_name(closed):
    make_finding(at=Status.DISCOVERED)
    assert "1 clearances" in said("closure_fsck")


@pytest.mark.django_db
def test_a_revoked_clearance_is_sound(closed, clearance):
    take("revoke", closed)
    assert not Clearance.objects.get(pk=clearance.pk).live
    assert list(broken_closures()) == []


FINDING = "UPDATE findings_finding SET "
CLEARED = "clearance_live = TRUE, verified_at = '2026-11-23 10:00:00', "
COMPLETE = "status = 'mobilization_complete' WHERE id = {open}"
UNPROVEN = "CTEM-{open}: complete without a live clearance of its own"
BREACHES = {
    "closed by hand": (FINDING + COMPLETE, UNPROVEN),
    "closed by a clearance that is not there": (
        f"{FINDING} clearance_id = 987654, {CLEARED} {COMPLETE}",
        UNPROVEN,
    ),
    "closed by the clearance of another finding": (
        f"{FINDING} clearance_id = {{clearance}}, {CLEARED} {COMPLETE}",
        UNPROVEN,
    ),
    "a status that does not exist": (
        "UPDATE findings_finding SET status = 'Mobilization_Complete' WHERE id = {open}",
        "CTEM-{open}: there is no status 'Mobilization_Complete'",
    ),
    "reopened without a revocation": (
        "UPDATE findings_finding SET status = 'discovered' WHERE id = {closed}",
        "CTEM-{closed}: discovered, yet it carries a clearance",
    ),
    "reopened and forgotten": (
        "UPDATE findings_finding SET status = 'discovered', clearance_id = NULL, clearance_live = NULL,"
        " verified_at = NULL WHERE id = {closed}",
        "clearance {clearance}: live, but CTEM-{closed} is not complete by it",
    ),
    "a clearance that died silently": (
        "UPDATE scans_clearance SET live = FALSE WHERE id = {clearance}",
        "clearance {clearance}: not live, and nothing says when and why",
    ),
    "a clearance that is gone": (
        "DELETE FROM scans_clearance WHERE id = {clearance}",
        "CTEM-{closed}: complete without a live clearance",
    ),
    "a clearance moved to another finding": (
        "UPDATE scans_clearance SET finding_id = {open} WHERE id = {clearance}",
        "CTEM-{closed}: complete without a live clearance",
    ),
    "a verdict turned round": (
        "UPDATE scans_verification SET verdict = 'fail' WHERE id = {verification}",
        "verification {verification}: says fail, its judgement says pass",
    ),
    "a judgement before the merge": (
        "UPDATE scans_verification SET with_merge = FALSE WHERE id = {verification}",
        "CTEM-{closed}: complete without a live clearance",
    ),
    "another judgement": (
        "UPDATE scans_verification SET judgement = '{judgement}' WHERE id = {verification}",
        "verification {verification}: the judgement was changed after it was sealed",
    ),
    "another judgement with its seal made to fit": (
        "UPDATE scans_verification SET judgement = '{judgement}', judgement_sha256 = '{seal}'"
        " WHERE id = {verification}",
        "it certifies another judgement than verification {verification}",
    ),
    "other facts": (
        "UPDATE scans_verification SET inputs = '{inputs}' WHERE id = {verification}",
        "does not verify: evidence/",
    ),
    "a certificate with another text": (
        "UPDATE scans_clearance SET certificate = '{certificate}' WHERE id = {clearance}",
        "does not verify: envelope: ",
    ),
    "a certificate that is none": (
        "UPDATE scans_clearance SET certificate = 'x' WHERE id = {clearance}",
        "does not verify: envelope: ",
    ),
    "evidence without a row": (
        "DELETE FROM core_blob WHERE sha256 = '{evidence}'",
        "verification {verification}: its evidence {evidence:.12} is not stored",
    ),
}


NOT_REFUSED = {"reopened and forgotten"}  # it opens too much, and proves nothing that is not so


def names_of(closed: Finding, clearance: Clearance, other: Finding) -> dict:
    """The rows that the statements and sentences of BREACHES speak of."""
    verification = clearance.verification
    judgement = json.loads(json.dumps(verification.judgement))
    judgement["checks"][0]["reason"] = "because"
    inputs = json.loads(json.dumps(verification.inputs))
    inputs["facts"]["fix"]["author"] = "somebody"
    return {
        "closed": closed.pk,
        "open": other.pk,
        "clearance": clearance.pk,
        "verification": verification.pk,
        "judgement": json.dumps(judgement).replace("'", "''"),
        "seal": digest(judgement),
        "inputs": json.dumps(inputs).replace("'", "''"),
        "certificate": other_payload(clearance.certificate),
        "evidence": verification.inputs["documents"][0]["sha256"],
    }


def other_payload(certificate: str) -> str:
    """The same envelope with one letter of its payload changed."""
    envelope = json.loads(certificate)
    payload = envelope["payload"]
    return certificate.replace(
        payload, payload[:100] + ("A" if payload[100] != "A" else "B") + payload[101:]
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("breach", BREACHES)
def test_every_row_that_was_broken_past_the_constraints_is_named(closed, clearance, breach):
    names = names_of(closed, clearance, import_finding())
    statement, sentence = (text.format(**names) for text in BREACHES[breach])
    if breach not in NOT_REFUSED:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement.replace("%", "%%"))
            connection.check_constraints()
    with unguarded() as write:
        write(statement.replace("%", "%%"))
        assert any(sentence in line for line in broken("closure_fsck")), said_by_fsck()


def said_by_fsck() -> str:
    return "\n".join(broken_closures())


@pytest.mark.django_db
def test_files_that_are_gone_or_changed_are_named(closed, clearance):
    kept = [d["sha256"] for d in clearance.verification.inputs["documents"]]
    gone, changed = (path_of(sha256) for sha256 in dict.fromkeys(kept))
    gone.unlink()
    changed.write_bytes(path_of(clearance.verification.inputs["diff"]).read_bytes())
    lines = broken("closure_fsck")
    for path in (gone, changed):
        sha256 = path.name.removesuffix(".gz")
        assert any(line.startswith(f"file {sha256}: cannot be read") for line in lines)
    assert any("certificate does not verify" in line for line in lines)


@pytest.mark.django_db
@pytest.mark.parametrize("told", ["closure_fsck", "policy_replay"])
def test_files_that_do_not_answer_are_not_called_broken(closed, told, tmp_path, unanswering):
    (tmp_path / "policy.toml").write_bytes(DEFAULT.to_toml())
    call = [told]
    if told == "policy_replay":
        call += [closed.scope.slug, "--policy", str(tmp_path / "policy.toml")]
    out = io.StringIO()
    with pytest.raises(CommandError, match="does not answer now") as caught:
        call_command(*call, stdout=out)
    assert (caught.value.returncode, out.getvalue()) == (3, "")


@pytest.mark.django_db
@pytest.mark.parametrize("content", [b"", b"not gzip", b"\x1f\x8b\x08\x00"])
def test_a_file_that_is_no_archive_any_more_is_named(closed, clearance, content):
    path = path_of(clearance.verification.inputs["diff"])
    path.write_bytes(content)
    assert any(path.name.removesuffix(".gz") in line for line in broken("closure_fsck"))


@pytest.mark.django_db
def test_a_certificate_whose_key_is_not_ours_is_named(closed, settings, tmp_path):
    settings.CERTIFICATE_KEYS_DIR = tmp_path / "others"
    call_command("certificate_key", "create", stdout=io.StringIO())
    assert any("signed by none of the known keys" in line for line in broken("closure_fsck"))


@pytest.mark.django_db
def test_evidence_of_judgements_that_closed_nothing_is_looked_at_too(files):
    fix = make_finding(at=Status.MOBILIZING).remediations.get()
    scan = scan_fix(fix)
    push(fix)
    path_of(scan.raw_id).unlink()
    assert any(scan.raw_id in line for line in broken("closure_fsck"))
    assert Scan.objects.filter(pk=scan.pk).exists()


# --- audit_fsck ----------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_sound_log_has_nothing_to_name(closed):
    assert f"{Event.objects.count()} events" in said("audit_fsck")


@pytest.mark.django_db(transaction=True)
def test_a_changed_event_and_a_missing_guard_are_named(files):
    finding = import_finding()
    event = Event.objects.filter(scope_id=finding.scope_id).order_by("seq")[1]
    with unguarded() as write:
        write("UPDATE core_event SET action = 'nothing.happened' WHERE id = %s", event.pk)
        lines = broken("audit_fsck")
    assert f"{event.chain}: event {event.seq} was changed after it was written" in lines
    if connection.vendor == "sqlite":  # there the guards were gone as well
        assert any(line.startswith("core_event_no_update: ") for line in lines)


# --- certificates --------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_bundle_of_a_finding_verifies_offline_with_the_published_key(closed, tmp_path):
    bundle, key = tmp_path / "bundle.zip", tmp_path / "key.pem"
    assert "live" in said("certificate", str(closed), "--bundle", str(bundle))
    keyid = said("certificate_key").split()[0]
    key.write_text(said("certificate_key", "pem", keyid))
    command = [sys.executable, "-S", "-m", "gate", "verify", str(bundle), "--key", str(key)]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.django_db
def test_the_certificate_alone_is_the_signed_envelope(closed):
    envelope = json.loads(said("certificate", str(closed.pk)))
    assert envelope["payloadType"] == "application/vnd.in-toto+json"


@pytest.mark.django_db
def test_an_operator_takes_a_certificate_back_for_a_reason_and_once(closed, clearance):
    with pytest.raises(CommandError, match="stands"):
        said("certificate", str(closed), "--revocation")
    with pytest.raises(CommandError, match="reason"):
        said("certificate", str(closed), "--revoke", " ")
    told = said("certificate", str(closed), "--revoke", "The server was broken into.")
    closed.refresh_from_db()
    assert closed.status == Status.DISCOVERED
    assert json.loads(told) == json.loads(said("certificate", str(closed), "--revocation"))
    statement = open_envelope(told.encode(), public_keys())
    assert statement["predicate"]["reason"] == "The server was broken into."
    with pytest.raises(CommandError, match="already"):
        said("certificate", str(closed), "--revoke", "Again.")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["CTEM-987654", "x", "CTEM-", "-1", "1; DROP TABLE"])
def test_a_finding_without_a_certificate_is_said_so(name):
    with pytest.raises(CommandError):
        said("certificate", "--", name)


# --- lifecycle_doc -------------------------------------------------------------------------------
def test_the_page_shows_every_transition_once_in_the_table_and_drawn():
    page = said("lifecycle_doc")
    table = [line for line in page.splitlines() if line.startswith("| `")]
    assert [line.split("`")[1] for line in table] == [row.name for row in TRANSITIONS]
    drawn = set()
    for line in page.splitlines():
        if " --> " in line:
            source, target = line.partition(":")[0].strip().split(" --> ")
            drawn |= {(each, target) for each in (OPEN if source == "any_open" else [source])}
    assert drawn == {
        ("[*]", "discovered"),
        *((source.value, row.target.value) for row in TRANSITIONS for source in row.sources),
    }


def test_the_page_is_checked_and_written(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    page = tmp_path / "docs" / "lifecycle.md"
    with pytest.raises(CommandError):
        said("lifecycle_doc", "--check")
    assert said("lifecycle_doc", "--write") == ""
    assert said("lifecycle_doc", "--check") == ""
    page.write_text(page.read_text().replace("Complete", "Finish"))
    with pytest.raises(CommandError):
        said("lifecycle_doc", "--check")


# --- demo_people ---------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_demo_has_somebody_for_every_role_and_an_outsider(client):
    logins = json.loads(said("demo_people", "--password", "correct horse battery"))
    portal = Scope.objects.get(slug=logins["scope"])
    roles = dict(Membership.objects.filter(scope=portal).values_list("user__username", "role"))
    assert roles == {role.value: role.value for role in Role}
    assert not Membership.objects.filter(scope=portal, user__username="outsider").exists()
    assert Scope.objects.visible_to(User.objects.get(username="outsider")).exists()
    kinds = dict(User.objects.values_list("username", "kind"))
    assert {name for name, kind in kinds.items() if kind == "service"} == {"pipeline", "ticketing"}
    for name, kind in kinds.items():  # programmes have tokens instead
        is_person = kind != "service"
        assert client.login(username=name, password=logins["password"]) == is_person
        assert ApiToken.objects.filter(
            user__username=name, prefix=logins[name]["token"][:12]
        ).exists()
    assert "audit" not in said("audit_fsck") and portal.memberships.count() == len(Role)


@pytest.mark.django_db
def test_the_demo_can_be_started_again_on_its_data():
    first, second = (json.loads(said("demo_people")) for _ in range(2))
    assert first["password"] != second["password"]
    assert first["admin"]["token"] != second["admin"]["token"]
    assert Scope.objects.count() == 2
    assert member(Scope.objects.get(slug="portal"), Role.ADMIN).check_password(second["password"])
    assert Event.objects.filter(action="user.created").count() == len(Role) + 1
