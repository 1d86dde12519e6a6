"""The certificate: what it says to people, and downloads that verify offline."""

import io
import json
import shutil
import zipfile

import pytest

from gate.certificate import main as gate_verify
from gate.certificate import open_envelope
from scans.certificates import public_keys, published
from scans.models import Clearance
from scans.services.signing_keys import revoke
from tests import factories as make
from tests.pages.markup import Page


@pytest.fixture
def base(world):
    return f"{world.closed.get_absolute_url()}certificate/"


@pytest.fixture
def client_of(world, browse):
    return browse(world.member("viewer"))


def test_it_says_what_was_proven_by_which_key(world, client_of, base):
    clearance = Clearance.objects.get(finding=world.closed)
    page = Page(client_of.get(base))
    assert "was fixed, and the fix was proven" in page.text
    assert clearance.key_id in page.text
    assert world.verification.remediation.merge_commit in page.text
    assert f"python -m gate verify {world.closed}.zip --keys" in page.text
    assert "/.well-known/ctem-certificate-revocations.dsse.json" in page.text
    key = published().by_id()[clearance.key_id]
    assert f"{key.not_before[:10]} to {key.not_after[:10]}" in page.text
    assert key.fingerprint in page.text
    digests = {document["sha256"] for document in world.verification.inputs["documents"]}
    assert all(digest in page.text for digest in digests)


def test_the_downloads_verify_with_the_gate_alone(world, client_of, base, tmp_path, capsys):
    bundle, key = tmp_path / "bundle.zip", tmp_path / "key.pem"
    bundle.write_bytes(client_of.get(f"{base}bundle/").content)
    key.write_bytes(client_of.get(f"{base}key/").content)
    assert gate_verify(["verify", str(bundle), "--key", str(key)]) == 0
    envelope = client_of.get(f"{base}envelope/").content
    with zipfile.ZipFile(io.BytesIO(bundle.read_bytes())) as archive:
        assert json.loads(archive.read("certificate.dsse.json")) == json.loads(envelope)
    assert "VERIFIED" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["openvex", "cyclonedx"])
def test_it_is_handed_out_as_vex_while_it_stands(world, client_of, base, form):
    response = client_of.get(f"{base}{form}/")
    assert response.status_code == 200
    assert response["Content-Disposition"].endswith(f'"{world.closed}.{form}.json"')
    assert world.verification.remediation.merge_commit in response.content.decode()
    make.take("revoke", world.closed)
    assert client_of.get(f"{base}{form}/").status_code == 409
    assert f"{base}{form}/" not in client_of.get(base).content.decode()


def test_the_signed_revocation_is_there_once_there_is_one(world, client_of, base):
    assert client_of.get(f"{base}revocation/").status_code == 404
    assert client_of.get(f"{base}nonsense/").status_code == 404
    make.take("revoke", world.closed)
    assert f"{base}revocation/" in client_of.get(base).content.decode()
    said = open_envelope(client_of.get(f"{base}revocation/").content, public_keys())
    assert said["predicate"]["reason"] == "It came back."


def test_a_key_that_was_revoked_says_so_on_its_certificates(
    world, client_of, base, settings, tmp_path
):
    clearance = Clearance.objects.get(finding=world.closed)
    shutil.copytree(settings.CERTIFICATE_KEYS_DIR, tmp_path / "keys")
    settings.CERTIFICATE_KEYS_DIR = tmp_path / "keys"
    revoke(clearance.key_id, since=clearance.issued_at, reason="laptop stolen", at=make.now())
    page = Page(client_of.get(base))
    assert "laptop stolen" in page.text
    assert client_of.get(f"{base}openvex/").status_code == 409


def test_a_revoked_one_says_so_first_and_stays_readable(world, client_of, base):
    make.take("revoke", world.closed)
    page = Page(client_of.get(base))
    assert page.with_class("seal-revoked")
    assert "It came back." in page.text
    assert "was fixed, and the fix was proven" not in page.text


def test_without_one_there_is_no_page(world, client_of):
    assert client_of.get(f"{world.open.get_absolute_url()}certificate/").status_code == 404
