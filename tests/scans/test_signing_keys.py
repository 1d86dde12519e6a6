"""The life of a signing key on the server: made, rotated, taken back; and what an auditor sees of it."""

import io
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.apps import apps
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from core.errors import WrongState
from core.models import Event
from core.moments import rfc3339
from gate import certificate, dsse
from scans import certificates
from scans.models import Clearance, Revocation
from scans.services import signing_keys
from scans.services.clearances import bundle, revoke
from scans.services.integrity import broken_closures
from scans.services.revocations import published_revocations
from tests.factories import approve, import_finding, make_remediation, merge, scan_fix
from tests.scans.unguarded import unguarded


@pytest.fixture(autouse=True)
def keys(settings, tmp_path):
    """A folder of our own: other tests of this process have keys too."""
    settings.CERTIFICATE_KEYS_DIR = tmp_path / "keys"
    return settings.CERTIFICATE_KEYS_DIR


def now() -> datetime:
    return datetime.now(UTC)


def said(*words: str) -> str:
    out = io.StringIO()
    call_command("certificate_key", *words, stdout=out)
    return out.getvalue()


def closed() -> Clearance:
    finding = import_finding()
    fix = make_remediation(finding)
    scan_fix(fix)
    approve(fix)
    merge(fix)
    return Clearance.objects.get(finding=finding)


def verified(clearance: Clearance, *revocations: bytes) -> certificate.Verification:
    """As an auditor does who has fetched the published list."""
    lives = certificates.published().keys
    raw = {key.keyid: key.raw for key in lives}
    return certificate.verify_bundle(
        bundle(Clearance.objects.get(pk=clearance.pk)), raw, lives=lives, revocations=revocations
    )


def failing(found: certificate.Verification) -> dict[str, str]:
    return {step.step: step.sentence for step in found.steps if not step.ok}


# --- files ---------------------------------------------------------------------------------------
def test_the_first_use_makes_a_key_for_two_years_that_only_we_can_read(keys):
    signer = certificates.signing_key(now())
    (told,) = json.loads((keys / "keys.json").read_text())["keys"]
    assert told["kid"] == signer.keyid == told["fingerprint"][7:23]
    ends = datetime.fromisoformat(told["not_after"])
    assert timedelta(729) < ends - now() <= timedelta(730)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    for file in keys.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_the_list_holds_nothing_secret(keys):
    secret = certificates.signing_key(now()).secret.private_bytes_raw()
    listed = (keys / "keys.json").read_bytes()
    assert b"PRIVATE" not in listed
    assert secret.hex().encode() not in listed


def test_keys_of_before_the_list_are_taken_into_it_in_their_order(keys):
    """A folder as an earlier release left it."""
    keys.mkdir(mode=0o700)
    made = []
    for number in (1, 2):
        secret = Ed25519PrivateKey.generate()
        raw = secret.public_key().public_bytes_raw()
        made.append(dsse.fingerprint(raw)[7:23])
        pem = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (keys / f"{number:04d}-{made[-1]}.pem").write_bytes(pem)
    assert list(certificates.public_keys()) == made
    assert certificates.signing_key(now()).keyid == made[1]
    assert certificates.published().by_id()[made[0]].not_before == "1970-01-01T00:00:00Z"


def test_processes_that_need_the_first_key_at_once_make_one(keys):
    with ThreadPoolExecutor(8) as pool:
        made = {signer.keyid for signer in pool.map(certificates.signing_key, [now()] * 16)}
    assert len(made) == 1
    assert len(certificates.public_keys()) == 1


def test_an_expired_key_is_followed_by_a_new_one_and_the_log_says_so(keys, caplog):
    certificates.make_key(at=now() - timedelta(days=20), days=10)
    first = certificates.published().keys[0].keyid
    signer = certificates.signing_key(now())
    assert signer.keyid != first
    assert signer.keyid in caplog.text


def test_a_key_that_starts_later_is_published_now_and_signs_then(keys):
    present = certificates.signing_key(now()).keyid
    future = certificates.make_key(at=now(), starts=now() + timedelta(days=30)).keyid
    assert set(certificates.public_keys()) == {present, future}
    assert certificates.signing_key(now()).keyid == present
    assert certificates.signing_key(now() + timedelta(days=31)).keyid == future


# --- the command ---------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_command_makes_lists_and_prints_keys(keys):
    assert "no key yet" in said()
    assert "made " in said("create", "--days", "30")
    (line,) = said("list").splitlines()
    assert "signs now" in line and "ENDS IN" in line
    keyid = line.split()[0]
    assert said("pem", keyid).startswith("-----BEGIN PUBLIC KEY-----")
    assert json.loads(said("document"))["keys"][0]["kid"] == keyid
    assert Event.objects.get(action="certificate_key.made").data["key"] == keyid


@pytest.mark.django_db
@pytest.mark.parametrize(
    "words",
    [
        ("pem", "nobody"),
        ("retire", "nobody"),
        ("revoke", "nobody", "--reason", "lost"),
        ("revoke", "nobody"),
        ("create", "--days", "0"),
        ("create", "--starts", "tomorrow"),
    ],
)
def test_what_cannot_be_done_is_said(keys, words):
    certificates.signing_key(now())
    with pytest.raises(CommandError):
        said(*words)


@pytest.mark.django_db
def test_a_key_ends_once_and_is_revoked_for_a_reason_as_of_the_past(keys):
    key = certificates.signing_key(now()).keyid
    said("retire")
    for words in (("retire", key), ("revoke", key, "--reason", " "),
                  ("revoke", key, "--reason", "x", "--since", "2999-01-01T00:00:00Z")):  # fmt: skip
        with pytest.raises(CommandError):
            said(*words)
    said("revoke", key, "--reason", "found in a backup")
    with pytest.raises(CommandError):
        said("revoke", key, "--reason", "again")
    assert [e.action for e in Event.objects.filter(subject="certificate_key").order_by("seq")] == [
        "certificate_key.retired", "certificate_key.revoked"]  # fmt: skip


# --- rotation ------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_after_a_rotation_the_new_key_signs_and_old_certificates_stay_good(keys):
    first = closed()
    told = said("retire")
    assert f"retired {first.key_id}" in told
    assert not list(keys.glob(f"*-{first.key_id}.pem")), "its secret is destroyed"
    second = closed()
    assert second.key_id != first.key_id
    for clearance in (first, second):
        assert verified(clearance).ok, failing(verified(clearance))
    assert list(broken_closures()) == []
    old = certificates.published().by_id()[first.key_id]
    assert "retired" in old.refusal(rfc3339(now() + timedelta(seconds=5)))


@pytest.mark.django_db
def test_who_holds_the_old_key_alone_is_told_to_fetch_the_list(keys):
    clearance = closed()
    pinned = {"pinned": certificates.public_keys()[clearance.key_id]}
    said("retire")
    found = certificate.verify_bundle(bundle(clearance), pinned)
    assert "--keys" in failing(found)["contents"]


# --- compromise ----------------------------------------------------------------------------------
def stolen(clearance: Clearance) -> certificate.Key:
    """Revoke the key of a certificate as of the second after it was issued."""
    since = clearance.issued_at.replace(microsecond=0) + timedelta(seconds=1)
    return signing_keys.revoke(
        clearance.key_id, since=since, reason="laptop stolen", at=since + timedelta(seconds=1)
    )


@pytest.mark.django_db
def test_what_was_signed_before_a_compromise_stays_good_by_our_record(keys):
    clearance = closed()
    assert stolen(clearance).state == "revoked"
    assert not list(keys.glob(f"*-{clearance.key_id}.pem")), "its secret is destroyed"
    assert verified(clearance).ok, failing(verified(clearance))
    assert list(broken_closures()) == []


@pytest.mark.django_db
def test_what_a_thief_dates_back_is_not_believed(keys):
    clearance = closed()
    secret = certificates.signing_key(now()).secret
    old_bundle = bundle(clearance)
    key = stolen(clearance)
    forged = json.loads(dsse.decode(clearance.certificate.encode()).payload)
    forged["predicate"]["finding"]["title"] = "Another one"
    envelope = certificate.envelope(forged, secret.sign, clearance.key_id)
    digest = certificate.certificate_digest(envelope)
    assert "dated back" in key.refusal_of(digest, rfc3339(clearance.issued_at))
    lives = certificates.published().keys
    raw = {one.keyid: one.raw for one in lives}
    found = certificate.verify_bundle(old_bundle, raw, lives=lives)
    assert "ask the issuer for a new bundle" in failing(found)["contents"]


@pytest.mark.django_db
def test_what_was_signed_since_a_compromise_is_named_and_refused(keys):
    clearance = closed()
    before = rfc3339(clearance.issued_at - timedelta(hours=1))
    told = said("revoke", clearance.key_id, "--reason", "laptop stolen", "--since", before)
    assert f"not believed any more: CTEM-{clearance.finding_id}" in told
    assert "What to do now" in told and "its secret is destroyed" in told
    assert "revoked as of" in failing(verified(clearance))["validity"]
    assert any("revoked as of" in sentence for sentence in broken_closures())


# --- revocations ---------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_revocation_is_signed_once_and_travels_with_the_bundle(keys):
    clearance = closed()
    revoke(clearance, reason="It came back.", by=None, at=now())
    row = Revocation.objects.get(clearance=clearance)
    assert bundle(Clearance.objects.get(pk=clearance.pk)) == bundle(
        Clearance.objects.get(pk=clearance.pk)
    )
    said_ = certificate.open_envelope(row.statement.encode(), certificates.public_keys())
    assert said_["predicateType"] == certificate.REVOCATION_TYPE
    assert said_["subject"][0]["digest"]["sha256"] == row.certificate_sha256
    assert failing(verified(clearance))["revocation"].endswith("by system: It came back.")


@pytest.mark.django_db
def test_an_old_bundle_is_refused_with_the_list_of_today(keys):
    clearance = closed()
    old = bundle(clearance)
    lives = certificates.published().keys
    raw = {key.keyid: key.raw for key in lives}
    at = now() + timedelta(minutes=2)

    def judged(when: datetime) -> certificate.Verification:
        given = published_revocations(certificates.signing_key(when), when)
        return certificate.verify_bundle(old, raw, lives=lives, revocations=[given])

    assert judged(at).ok, failing(judged(at))
    revoke(clearance, reason="It came back.", by=None, at=now())
    assert list(failing(judged(at))) == ["revocation"]


@pytest.mark.django_db
def test_the_list_names_no_finding_and_no_reason(keys):
    clearance = closed()
    revoke(clearance, reason="It came back.", by=None, at=now())
    listed = published_revocations(certificates.signing_key(now()), now())
    told = json.loads(dsse.decode(listed).payload)
    row = Revocation.objects.get()
    assert told["revocations"] == [
        {"certificate": row.certificate_sha256, "revoked_at": rfc3339(row.at)}
    ]
    assert b"CTEM-" not in dsse.decode(listed).payload


@pytest.mark.django_db(transaction=True)
def test_a_revocation_that_nobody_signed_is_named_and_a_signed_one_cannot_go(keys):
    clearance = closed()
    revoke(clearance, reason="It came back.", by=None, at=now())
    for statement in ("DELETE FROM scans_revocation", "UPDATE scans_revocation SET statement = ''"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    with unguarded() as write:
        write("DELETE FROM scans_revocation")
        assert any("no signed statement" in sentence for sentence in broken_closures())
        migration = import_module("scans.migrations.0003_signed_revocations")
        migration.sign_what_was_revoked(apps, SimpleNamespace(connection=connection))
        assert list(broken_closures()) == []


def test_a_key_without_its_secret_signs_nothing(keys):
    certificates.make_key(at=now())
    for path in keys.glob("*-*.pem"):
        os.unlink(path)
    assert certificates.usable(certificates.key_list(), now()) is None
    with pytest.raises(WrongState):
        certificates.retire_key("nobody", at=now())
    assert Path(django_settings.CERTIFICATE_KEYS_DIR) == keys
