"""What anybody may fetch without signing in: keys of certificates and what was revoked."""

import json
from datetime import UTC, datetime

import pytest
from django.test import Client

from gate import dsse
from gate.certificate import certificate_digest, read_key_list
from gate.certificate import main as gate_verify
from scans.certificates import public_keys, signing_key
from scans.models import Clearance
from scans.services.clearances import bundle
from tests import factories as make

KEYS = "/.well-known/ctem-certificate-keys.json"
REVOCATIONS = "/.well-known/ctem-certificate-revocations.dsse.json"


@pytest.fixture
def clearance(world):
    return Clearance.objects.get(finding=world.closed)


@pytest.fixture
def pem(world):
    return f"/.well-known/ctem-certificate-keys/{next(iter(public_keys()))}.pub.pem"


def test_keys_and_revocations_are_there_without_signing_in_and_may_be_cached(world, pem):
    for path in (KEYS, REVOCATIONS, pem):
        response = Client().get(path)
        assert response.status_code == 200, path
        assert response["Cache-Control"].startswith("public, max-age="), path
        assert not response.cookies, path
        assert response["Access-Control-Allow-Origin"] == "*"
        assert response["X-Content-Type-Options"] == "nosniff"


def test_what_has_not_changed_is_not_sent_again(world, pem):
    for path in (KEYS, pem):
        etag = Client().get(path)["ETag"]
        again = Client().get(path, headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")


def test_the_list_is_a_key_list_and_the_pem_is_one_of_its_keys(world, pem):
    response = Client().get(KEYS)
    assert response["Content-Type"] == "application/jwk-set+json"
    listed = read_key_list(response.content)
    assert listed.raw() == public_keys()
    assert Client().get(pem).content == dsse.to_pem(listed.keys[0].raw)


def test_nothing_secret_and_no_finding_is_in_it(world, clearance, pem):
    secret = signing_key(datetime.now(UTC)).secret.private_bytes_raw()
    make.take("revoke", world.closed)
    words = (world.closed.title, str(world.closed), world.scope.name, "It came back", "PRIVATE")
    for path in (KEYS, REVOCATIONS, pem):
        content = Client().get(path).content
        told = dsse.decode(content).payload if path == REVOCATIONS else content
        assert [word for word in words if word.encode() in told] == [], path
        assert secret not in told


def test_they_are_read_and_never_written(world, pem):
    for path in (KEYS, REVOCATIONS, pem):
        assert Client().post(path).status_code == 405
        assert Client().head(path).status_code == 200


@pytest.mark.parametrize("name", ["nobody", "0" * 16, "0001-x"])
def test_a_key_that_is_not_there_is_404(world, name):
    assert Client().get(f"/.well-known/ctem-certificate-keys/{name}.pub.pem").status_code == 404


def test_asking_makes_no_key(db, settings, tmp_path):
    settings.CERTIFICATE_KEYS_DIR = tmp_path / "none"
    for path in (KEYS, REVOCATIONS):
        assert Client().get(path).status_code == 404
    assert not (tmp_path / "none").exists()


def test_an_auditor_who_fetches_both_sees_whether_a_certificate_stands_today(
    world, clearance, tmp_path, capsys
):
    (tmp_path / "b.zip").write_bytes(bundle(clearance))

    def asked():
        for name, path in (("keys", KEYS), ("revocations", REVOCATIONS)):
            (tmp_path / name).write_bytes(Client().get(path).content)
        call = [str(tmp_path / "b.zip"), "--keys", str(tmp_path / "keys")]
        return gate_verify(["verify", *call, "--revocations", str(tmp_path / "revocations")])

    make.take("revoke", world.closed)
    assert asked() == 1
    assert "revoked at" in capsys.readouterr().out
    told = json.loads(dsse.decode((tmp_path / "revocations").read_bytes()).payload)
    digest = certificate_digest(clearance.certificate.encode())
    assert digest in {entry["certificate"] for entry in told["revocations"]}
