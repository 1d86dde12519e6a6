"""The certificate: what it says to people, and downloads that verify offline."""

import io
import json
import zipfile

import pytest

from gate.certificate import main as gate_verify
from scans.models import Clearance
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
    assert f"python -m gate verify {world.closed}.zip" in page.text
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


def test_a_revoked_one_says_so_first_and_stays_readable(world, client_of, base):
    make.take("revoke", world.closed)
    page = Page(client_of.get(base))
    assert page.with_class("seal-revoked")
    assert "It came back." in page.text
    assert "was fixed, and the fix was proven" not in page.text


def test_without_one_there_is_no_page(world, client_of):
    assert client_of.get(f"{world.open.get_absolute_url()}certificate/").status_code == 404
