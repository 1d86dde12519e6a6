"""T27: whatever is changed in a bundle is refused: bytes, members, the archive around them.

What may be signed by the issuer's own key and is still refused is in test_certificate; what only an
auditor with the right key can see is said with each test.
"""

from __future__ import annotations

import copy
import io
import stat
import struct
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from gate import dsse
from gate.bundle import contents, pack, unpack
from gate.certificate import Input, open_envelope, revocation, to_pem, verify_bundle
from tests.gate.closure import ISSUED, Case, Signer, failing, flipped, is_beside, zipped
from tests.gate.closure import case as case

TRICKS = (
    "../evil",
    "evidence/../../evil",
    "/etc/passwd",
    "\\evil",
    "gate\\judgement.py",
    "..\\evil",
    "C:/evil",
    "C:\\evil",
    "evil/",
    "./VERIFY.md",
    "gate//judgement.py",
    "gate/./judgement.py",
    "verify.md",
    "VERIFY.md ",
    "VERIFY.md\0.txt",
    "VERIFY.m\u0501",
    "",
    "extra.txt",
    "gate/extra.py",
    "gate/__pycache__/judgement.cpython-311.pyc",
    "gate.py",
    "json.py",
    "keys/x.pub.pem",
    "keys/../x.pub.pem",
    "evidence/" + "0" * 64,
    "revocations/0001.dsse.json",
    "bundle.dsse.json.bak",
)


@pytest.fixture(scope="module")
def revoked(case: Case) -> bytes:
    """A bundle that says that its certificate was taken back."""
    sealed = case.signer.seal(case.saying())
    said = revocation(certificate=sealed, reason="reverted", by="lead", revoked_at=ISSUED)
    return case.bundle(envelope=sealed, revocations=[case.signer.seal(said)])


class TestBytes:
    @pytest.mark.slow
    @pytest.mark.timeout(600)
    def test_a_changed_byte_in_any_member_is_refused(self, case: Case) -> None:
        members = unpack(case.bundle())
        assert {"keys.json", "bundle.dsse.json", "VERIFY.md", "gate/judgement.py"} <= set(members)
        for name, data in members.items():
            for at in {0, len(data) // 3, len(data) // 2, len(data) - 1} if data else ():
                changed = pack({**members, name: flipped(data, at)})
                assert not verify_bundle(changed).ok, f"{name} at {at}"
                assert not verify_bundle(changed, case.signer.keys).ok, f"{name} at {at}"

    @pytest.mark.slow
    @pytest.mark.timeout(600)
    @pytest.mark.parametrize(
        "name",
        ["keys.json", "bundle.dsse.json", "certificate.dsse.json", "keys/issuer-2026.pub.pem"],
    )
    def test_not_even_a_byte_that_nobody_signs_can_be_changed(self, case: Case, name: str) -> None:
        """Of an envelope that is the key's id and the form that it is written in."""
        members = unpack(case.bundle())
        data = members[name]
        for at in range(max(0, len(data) - 1200), len(data), 3):
            assert not verify_bundle(pack({**members, name: flipped(data, at)})).ok, at

    def test_a_changed_byte_of_policy_gate_or_keys_is_refused_by_its_digest(
        self, case: Case
    ) -> None:
        members = unpack(case.bundle())
        policy = next(i for i in case.inputs if i.role == "policy").sha256
        for name in (f"evidence/{policy}", "gate/judgement.py", "VERIFY.md", "keys.json"):
            changed = pack({**members, name: members[name] + b" "})
            assert set(failing(changed)) & {"members", "keys"}, name

    def test_a_changed_byte_anywhere_in_the_archive_is_refused(self, case: Case) -> None:
        bundle = case.bundle()
        header = [*range(100), *range(len(bundle) - 200, len(bundle))]
        for at in (*header, *range(0, len(bundle), len(bundle) // 40)):
            assert not verify_bundle(flipped(bundle, at)).ok, at

    def test_any_changed_byte_of_a_revocation_is_refused_before_it_is_read(
        self, case: Case, revoked: bytes
    ) -> None:
        members = unpack(revoked)
        name = "revocations/0001.dsse.json"
        for at in range(0, len(members[name]), 7):
            assert "signature" in failing(pack({**members, name: flipped(members[name], at)}))


class TestMembers:
    @pytest.mark.slow
    def test_a_member_cannot_be_left_out_or_renamed(self, case: Case) -> None:
        members = unpack(case.bundle())
        for name, data in members.items():
            without = {n: d for n, d in members.items() if n != name}
            assert failing(pack(without)), f"{name} left out"
            assert failing(pack({**without, f"{name}x": data})), f"{name} renamed"

    def test_a_revocation_cannot_be_left_out(self, case: Case, revoked: bytes) -> None:
        """Not even with its listing, by who has not the issuer's key."""
        members = unpack(revoked)
        del members["revocations/0001.dsse.json"]
        assert failing(pack(members)) == ["members"]

        stranger = Signer(case.signer.keyid)
        thief = Case(case.inputs, case.judgement, case.facts, stranger)
        resealed = thief.resealed({n: d for n, d in members.items() if n != "bundle.dsse.json"})
        assert failing(resealed, case.signer.keys)
        assert failing(resealed) == ["signature"]

    @pytest.mark.parametrize("name", TRICKS)
    def test_nothing_can_be_added_under_whatever_name(self, case: Case, name: str) -> None:
        members = unpack(case.bundle())
        data = to_pem(Signer("x").raw)

        assert failing(plainly_packed({**members, name: data}))

    @pytest.mark.parametrize(
        "name", [n for n in TRICKS if n and not n.startswith(("keys/x", "rev"))]
    )
    def test_not_even_the_issuer_can_list_what_has_no_place_in_a_bundle(
        self, case: Case, name: str
    ) -> None:
        members = unpack(case.bundle())
        beside = {n: d for n, d in members.items() if is_beside(n)} | {name: b"x"}
        said = contents("ctem.example.org", ISSUED, beside)
        changed = {**members, name: b"x", "bundle.dsse.json": case.signer.seal(said)}

        assert failing(plainly_packed(changed), case.signer.keys)

    def test_members_cannot_be_exchanged(self, case: Case) -> None:
        members = unpack(case.bundle())
        one, other = (f"evidence/{i.sha256}" for i in case.inputs[:2])

        assert failing(pack({**members, one: members[other], other: members[one]})) == ["members"]

    def test_the_certificate_of_another_closure_does_not_fit(self, case: Case) -> None:
        members = unpack(case.bundle())
        other = case.signer.seal(case.saying(deployed_at=ISSUED))

        assert failing(pack({**members, "certificate.dsse.json": other})) == ["members"]


class TestArchive:
    def test_what_another_program_packs_is_refused(self, case: Case) -> None:
        bundle, members = case.bundle(), unpack(case.bundle())
        for changed in (
            bundle + b"\0",
            b"\0" + bundle,
            b"#!/bin/sh\n" + bundle,
            bundle[:-1],
            bundle + bundle,
            zipped(members, zipfile.ZIP_DEFLATED),
            zipped(members, comment=b"hello"),
            zipped(members, twice="VERIFY.md"),
            zipped(members, twice="certificate.dsse.json"),
            zipped(dict(reversed(members.items()))),
            b"",
            b"PK\3\4",
            b"PK\5\6" + bytes(18),
        ):
            assert failing(changed) == ["archive"]

    def test_the_archive_that_it_issues_is_the_one_that_any_program_reads(self, case: Case) -> None:
        """No second directory: what unzip shows is what was verified."""
        bundle = case.bundle()
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            shown = {info.filename: archive.read(info) for info in archive.infolist()}

        assert shown == unpack(bundle)

    @pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFREG | 0o755, stat.S_IFDIR])
    def test_a_member_is_no_link_no_folder_and_no_program(self, case: Case, mode: int) -> None:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in sorted(unpack(case.bundle()).items()):
                info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                info.create_system = 3
                info.external_attr = (mode if name == "VERIFY.md" else 0o100644) << 16
                archive.writestr(info, data)

        assert failing(file.getvalue()) == ["archive"]

    def test_an_archive_never_unpacks_to_more_than_its_size(self) -> None:
        bomb = zipped({"VERIFY.md": bytes(200_000_000)}, zipfile.ZIP_DEFLATED)
        many = zipped({f"evidence/{n:064}": b"" for n in range(5_000)})
        for changed in (bomb, many, overstated()):
            started = time.process_time()
            assert failing(changed) == ["archive"]
            assert time.process_time() - started < 2

    def test_many_signatures_cost_a_bounded_time(self, case: Case) -> None:
        """Each costs milliseconds, and a stranger may send thousands."""
        members = unpack(case.bundle())
        stone = members["certificate.dsse.json"]
        many = {f"revocations/{n:04}.dsse.json": stone for n in range(3_000)}
        keys = {f"keys/k{n}.pub.pem": members["keys/issuer-2026.pub.pem"] for n in range(3_000)}
        for added in (many, keys):
            started = time.process_time()
            assert failing(case.resealed({**members, **added})) == ["archive"]
            assert time.process_time() - started < 2

    def test_verifying_is_fast(self, case: Case) -> None:
        bundle = case.bundle()
        started = time.process_time()
        assert verify_bundle(bundle, case.signer.keys).ok
        assert time.process_time() - started < 5


class TestJunk:
    """Signed by the issuer's own key, and of the wrong type: an answer, never a crash."""

    VALUES: tuple[Any, ...] = (None, -1, "\ud800", [1], [[]], {"a": []})

    @pytest.mark.slow
    @pytest.mark.timeout(900)
    def test_any_member_of_the_statement_may_be_junk(self, case: Case) -> None:
        said = open_envelope(unpack(case.bundle())["certificate.dsse.json"], case.signer.keys)
        for path in places(said):
            for value in self.VALUES:
                changed = replaced(said, path, value)
                if changed == said or path in FREE:
                    continue
                members = unpack(case.bundle())
                members["certificate.dsse.json"] = case.signer.seal(changed)
                verify_bundle(case.resealed(members), case.signer.keys)  # whatever it answers

    @pytest.mark.parametrize(
        "facts", [b"[]", b"5", b'{"after": 5}', b'{"after": {"files_scanned": 5}}', b'{"fix": []}',
                  b'{"reviews": {}}', b'{"at": 1}', b'{"fix": {"merged_at": 3}}', b'{"x": 1e999}',
                  b'{"fix": {"merged_at": "0001-01-01T00:00:00+14:00"}}']
    )  # fmt: skip
    def test_facts_may_be_junk(self, case: Case, facts: bytes) -> None:
        said = copy.deepcopy(case.saying())
        entry = next(e for e in said["predicate"]["verification"]["inputs"]
                     if e["annotations"]["role"] == "facts")  # fmt: skip
        junk = Input("facts.json", "facts", facts)
        old, entry["digest"] = entry["digest"]["sha256"], {"sha256": junk.sha256}
        members = unpack(case.bundle())
        del members[f"evidence/{old}"]
        members[f"evidence/{junk.sha256}"] = facts
        members["certificate.dsse.json"] = case.signer.seal(said)

        assert failing(case.resealed(members), case.signer.keys)

    def test_a_number_that_json_does_not_know_is_refused(self, case: Case) -> None:
        payload = b'{"_type": 1e999}'
        sealed = dsse.seal("application/vnd.in-toto+json", payload, case.signer.private.sign, "k")
        members = {**unpack(case.bundle()), "certificate.dsse.json": sealed}

        assert failing(case.resealed(members))


FREE = {("predicate", "finding")}


def places(said: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a statement holds something, four members deep; of lists the first entry."""
    if path:
        yield path
    if len(path) == 5 or (path[:2] == ("predicate", "judgement") and len(path) == 4):
        return
    items = (
        said.items()
        if isinstance(said, dict)
        else enumerate(said[:1])
        if isinstance(said, list)
        else ()
    )
    for name, inner in items:
        yield from places(inner, (*path, name))


def replaced(said: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(said)
    inner = changed
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return changed


def plainly_packed(members: dict[str, bytes]) -> bytes:
    """Packed the way bundles are, whatever the names are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo("x", (1980, 1, 1, 0, 0, 0))
            info.filename = name
            info.create_system, info.external_attr = 3, 0o100644 << 16
            archive.writestr(info, members[name])
    return file.getvalue()


def overstated() -> bytes:
    """A header that says four gigabytes and brings none."""
    header = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, 2**32 - 2, 2**32 - 2, 9, 0)
    return header + b"VERIFY.md"
