"""Keys have a life, certificates can be taken back, and the verifier says which of both it was."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from gate import dsse
from gate.bundle import contents, unpack
from gate.certificate import (
    LIST_TYPE,
    Key,
    KeyList,
    certificate_digest,
    fingerprint,
    main,
    read_key_list,
    revocation,
    revocation_list,
    to_pem,
    verify_bundle,
)
from gate.errors import InputError
from gate.verification import given_revocations
from tests.gate.closure import FIRST, ISSUED, LAST, Case, Signer, key_list
from tests.gate.closure import case as case

BEFORE, AFTER = "2099-06-01T00:00:00Z", "2100-06-01T00:00:00Z"


def step_of(found: Any, name: str) -> Any:
    return next(step for step in found.steps if step.step == name)


def verified(case: Case, bundle: bytes, *lives: Key, revocations: tuple[bytes, ...] = ()) -> Any:
    """As an auditor does who got the key list from the issuer."""
    raw = {key.keyid: key.raw for key in lives}
    return verify_bundle(bundle, raw or None, lives=lives, revocations=revocations)


def failing(found: Any) -> list[str]:
    return [step.step for step in found.steps if not step.ok]


class TestKeyList:
    def test_it_is_a_json_web_key_set_with_lives(self, case: Case) -> None:
        (told,) = json.loads(key_list(case.signer.key(retired_at=AFTER)))["keys"]

        x = base64.urlsafe_b64decode(told["x"] + "=")
        assert (told["kty"], told["crv"], told["kid"]) == ("OKP", "Ed25519", case.signer.keyid)
        assert x == case.signer.raw
        assert told["pem"] == to_pem(case.signer.raw).decode()
        assert told["fingerprint"] == fingerprint(case.signer.raw)
        assert (told["state"], told["not_before"], told["not_after"]) == ("retired", FIRST, LAST)

    def test_what_is_written_is_read(self, case: Case) -> None:
        revoked = Signer("b").key(
            revoked_at=AFTER, revoked_reason="stolen", certificates=("0" * 64,)
        )
        listed = KeyList("issuer", FIRST, (case.signer.key(), revoked))

        assert read_key_list(listed.to_bytes()) == listed
        assert [key.state for key in listed.keys] == ["active", "revoked"]

    @pytest.mark.parametrize("member", ["x", "pem", "fingerprint", "state", "kty", "kid", "alg"])
    def test_a_key_that_is_told_in_two_ways_that_differ_is_refused(
        self, case: Case, member: str
    ) -> None:
        document = json.loads(key_list(case.signer.key()))
        other = json.loads(key_list(Signer("other").key(retired_at=AFTER)))
        document["keys"][0][member] = "x" if member in ("kty", "alg") else other["keys"][0][member]

        if member == "kid":  # a name is free; it is the bytes that count
            assert read_key_list(json.dumps(document).encode())
            return
        with pytest.raises(InputError):
            read_key_list(json.dumps(document).encode())

    @pytest.mark.parametrize(
        "changes",
        [
            {"schema": "x"},
            {"keys": []},
            {"keys": [{}]},
            {"keys": {}},
            {"more": 1},
            {"updated_at": "now"},
            {"issuer": 1},
        ],
    )
    def test_what_is_no_key_list_is_refused(self, case: Case, changes: dict[str, Any]) -> None:
        document = {**json.loads(key_list(case.signer.key())), **changes}

        with pytest.raises(InputError):
            read_key_list(json.dumps(document).encode())

    def test_a_key_twice_or_too_many_are_refused(self, case: Case) -> None:
        same = case.signer.key()
        many = [Key(str(n), n.to_bytes(32, "big"), FIRST, LAST) for n in range(257)]
        for keys in ([same, same], many):
            with pytest.raises(InputError):
                read_key_list(KeyList("i", FIRST, tuple(keys)).to_bytes())


class TestLife:
    @pytest.mark.parametrize(
        ("life", "words"),
        [
            ({"not_before": AFTER}, "valid from"),
            ({"not_after": BEFORE}, "expired at"),
            ({"retired_at": BEFORE}, "retired at"),
            ({"revoked_at": BEFORE, "revoked_reason": "stolen"}, "revoked as of"),
        ],
    )
    def test_what_was_signed_outside_of_the_life_of_its_key_is_refused_with_the_reason(
        self, case: Case, life: dict[str, str], words: str
    ) -> None:
        later = Signer("later")
        bundle = case.bundle(sealer=later, others=[later])

        found = verified(case, bundle, case.signer.key(**life), later.key())

        assert failing(found) == ["validity"]
        assert words in step_of(found, "validity").sentence

    @pytest.mark.parametrize(
        "life", [{}, {"retired_at": ISSUED}, {"revoked_at": AFTER, "revoked_reason": "stolen"}]
    )
    def test_what_was_signed_within_stays_good(self, case: Case, life: dict[str, str]) -> None:
        later = Signer("later")
        bundle = case.bundle(sealer=later, others=[later])

        found = verified(case, bundle, case.signer.key(**life), later.key())

        assert found.ok, found.steps
        assert f"was valid at {ISSUED}" in step_of(found, "validity").sentence

    def test_one_dated_back_by_who_has_the_secret_is_seen_by_the_record_of_the_key(
        self, case: Case
    ) -> None:
        later = Signer("later")
        bundle = case.bundle(sealer=later, others=[later])
        digest = certificate_digest(unpack(bundle)["certificate.dsse.json"])
        for record, is_good in (((digest,), True), (("0" * 64,), False), ((), False)):
            life = {"revoked_at": AFTER, "revoked_reason": "stolen", "certificates": record}
            found = verified(case, bundle, case.signer.key(**life), later.key())
            assert found.ok == is_good
            assert is_good or "dated back" in step_of(found, "validity").sentence

    def test_the_list_in_the_bundle_counts_where_only_the_key_itself_was_given(
        self, case: Case
    ) -> None:
        expired = key_list(case.signer.key(not_after=BEFORE))

        found = verify_bundle(case.bundle(key_list=expired), case.signer.keys)

        assert failing(found) == ["contents"]
        assert "expired" in step_of(found, "contents").sentence

    def test_a_list_from_the_issuer_goes_before_the_one_in_the_bundle(self, case: Case) -> None:
        expired = key_list(case.signer.key(not_after=BEFORE))

        assert verified(case, case.bundle(key_list=expired), case.signer.key()).ok

    def test_who_trusts_the_old_key_alone_is_told_to_get_the_list_after_a_rotation(
        self, case: Case
    ) -> None:
        later = Signer("later")
        found = verify_bundle(case.bundle(sealer=later, others=[later]), case.signer.keys)

        assert failing(found) == ["contents"]
        assert "--keys" in step_of(found, "contents").sentence

    def test_contents_by_a_key_of_the_bundles_own_are_not_believed(self, case: Case) -> None:
        """Else anybody could leave a revocation out and list the rest anew."""
        stranger = Signer("stranger")
        found = case.bundle(sealer=stranger, others=[stranger])

        assert failing(verify_bundle(found, case.signer.keys)) == ["contents"]

    def test_contents_of_before_the_certificate_are_not_its_own(self, case: Case) -> None:
        assert failing(verify_bundle(case.bundle(as_of=BEFORE))) == ["contents"]


class TestRevocations:
    def list_of(self, signer: Signer, as_of: str = AFTER, **revoked: str) -> bytes:
        payload = revocation_list("ctem.example.org", as_of, revoked)
        return dsse.seal(LIST_TYPE, payload, signer.private.sign, signer.keyid)

    def digest(self, bundle: bytes) -> str:
        return certificate_digest(unpack(bundle)["certificate.dsse.json"])

    def test_a_list_that_does_not_name_it_says_since_when(self, case: Case) -> None:
        given = self.list_of(case.signer, **{"0" * 64: AFTER})
        found = verified(case, case.bundle(), case.signer.key(), revocations=(given,))

        assert found.ok
        assert f"not revoked as of {AFTER}" in step_of(found, "revocation").sentence

    def test_a_list_that_names_it_refuses_it(self, case: Case) -> None:
        bundle = case.bundle()
        given = self.list_of(case.signer, **{self.digest(bundle): AFTER})
        found = verified(case, bundle, case.signer.key(), revocations=(given,))

        assert failing(found) == ["revocation"]
        assert f"revoked at {AFTER}" in step_of(found, "revocation").sentence
        assert found.revoked == ({"revoked_at": AFTER},)

    @pytest.mark.parametrize("life", [{}, {"not_after": AFTER}])
    def test_a_single_statement_refuses_it_even_by_a_key_that_ended(
        self, case: Case, life: dict[str, str]
    ) -> None:
        bundle = case.bundle()
        said = revocation(certificate=unpack(bundle)["certificate.dsse.json"], by="lead",
                          reason="reverted", revoked_at="2150-01-01T00:00:00Z")  # fmt: skip
        given = case.signer.seal(said)
        found = verified(case, bundle, case.signer.key(**life), revocations=(given,))

        assert failing(found) == ["revocation"]
        assert "by lead: reverted" in step_of(found, "revocation").sentence

    def test_a_statement_about_another_certificate_clears_nothing(self, case: Case) -> None:
        other = case.signer.seal(case.saying(deployed_at=AFTER))
        said = revocation(certificate=other, by="lead", reason="reverted", revoked_at=AFTER)
        given = case.signer.seal(said)

        found = verified(case, case.bundle(), case.signer.key(), revocations=(given,))
        assert found.ok
        assert "ask the issuer" in step_of(found, "revocation").sentence

    def test_a_list_by_a_stranger_an_expired_key_or_of_before_is_no_answer(
        self, case: Case
    ) -> None:
        old, stranger = Signer("old"), Signer("stranger")
        keys = (case.signer.key(), old.key(not_after=BEFORE))
        for given in (self.list_of(stranger), self.list_of(old), self.list_of(case.signer, BEFORE)):
            found = verified(case, case.bundle(), *keys, revocations=(given,))
            assert failing(found) == ["revocation"], found.steps

    def test_an_expired_key_that_names_it_is_heard(self, case: Case) -> None:
        old, bundle = Signer("old"), case.bundle()
        given = self.list_of(old, **{self.digest(bundle): AFTER})
        keys = (case.signer.key(), old.key(not_after=BEFORE))

        assert verified(case, bundle, *keys, revocations=(given,)).revoked

    def test_any_changed_byte_of_a_list_is_refused(self, case: Case) -> None:
        """But for the hint at the key, which decides nothing."""
        given = self.list_of(case.signer, **{"0" * 64: AFTER})
        hint = given.index(case.signer.keyid.encode())
        for at in range(0, len(given), 5):
            if hint <= at < hint + len(case.signer.keyid):
                continue
            changed = given[:at] + bytes([given[at] ^ 1]) + given[at + 1 :]
            with pytest.raises(InputError):
                given_revocations(case.signer.seal(case.saying()), [changed], case.signer.keys, {})


class TestCommand:
    @pytest.fixture
    def folder(self, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        bundle = case.bundle()
        (tmp_path / "b.zip").write_bytes(bundle)
        (tmp_path / "e.json").write_bytes(unpack(bundle)["certificate.dsse.json"])
        (tmp_path / "k.pem").write_bytes(to_pem(case.signer.raw))
        (tmp_path / "keys.json").write_bytes(key_list(case.signer.key()))
        (tmp_path / "expired.json").write_bytes(key_list(case.signer.key(not_after=BEFORE)))
        (tmp_path / "strangers.json").write_bytes(key_list(Signer("x").key()))
        tell = TestRevocations()
        (tmp_path / "none.json").write_bytes(tell.list_of(case.signer))
        named = {tell.digest(bundle): AFTER}
        (tmp_path / "revoked.json").write_bytes(tell.list_of(case.signer, **named))
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.mark.parametrize(
        ("call", "status"),
        [
            ("b.zip --keys keys.json", 0),
            ("b.zip --keys keys.json --key k.pem", 0),
            ("b.zip --keys keys.json --revocations none.json", 0),
            ("e.json --keys keys.json --revocations none.json", 0),
            ("b.zip --revocations none.json", 0),
            ("b.zip --keys expired.json", 1),
            ("e.json --keys expired.json", 1),
            ("b.zip --keys strangers.json", 1),
            ("e.json --keys strangers.json", 1),
            ("b.zip --keys keys.json --revocations revoked.json", 1),
            ("e.json --keys keys.json --revocations revoked.json", 1),
            ("e.json --key k.pem --revocations revoked.json", 1),
            ("b.zip --revocations revoked.json", 1),
            ("b.zip --keys k.pem", 3),
            ("b.zip --keys b.zip", 3),
            ("b.zip --revocations nothing.json", 3),
        ],
    )
    def test_the_exit_status_says_how_it_went(self, folder: Path, call: str, status: int) -> None:
        assert main(["verify", *call.split()]) == status

    def test_a_revoked_one_is_not_exported(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        call = "b.zip --keys keys.json --revocations revoked.json --export openvex"

        assert main(["verify", *call.split()]) == 1
        assert capsys.readouterr().out == ""


def test_the_contents_say_what_they_list_and_nothing_of_the_evidence(case: Case) -> None:
    said = contents("issuer", ISSUED, {"keys.json": b"", "certificate.dsse.json": b""})

    assert [entry["name"] for entry in said["subject"]] == ["certificate.dsse.json", "keys.json"]
    assert said["predicate"] == {"issuer": "issuer", "as_of": ISSUED}
