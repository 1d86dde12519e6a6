"""Certificates: what may be said, who said it, and that nothing can be changed unseen.

Real keys, real git, real Bandit, the real gate: the certified judgement is judged again.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gate import dsse, ed25519
from gate.bundle import pack, unpack
from gate.certificate import (
    LIST_TYPE,
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    REVOCATION_TYPE,
    Input,
    certificate_digest,
    fingerprint,
    from_pem,
    gate_source,
    main,
    open_envelope,
    original_digest,
    pae,
    revocation,
    revocation_list,
    to_pem,
    verify_bundle,
    write_bundle,
)
from gate.errors import InputError
from tests.gate.closure import ISSUED, REFERENCE, Case, Signer, failing, flipped, key_list
from tests.gate.closure import case as case


class TestEd25519:
    """RFC 8032, 7.1, and what the RFC leaves to the verifier."""

    VECTORS = (
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39"
            "701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f36"
            "13d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f7"
            "60984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    )
    ORDER = 2**252 + 27742317777372353535851937790883648493

    @pytest.mark.parametrize("vector", VECTORS)
    def test_the_vectors_of_the_rfc_verify(self, vector: tuple[str, str, str]) -> None:
        key, message, signature = map(bytes.fromhex, vector)

        assert ed25519.verify(key, message, signature)
        assert not ed25519.verify(key, message + b"!", signature)

    def test_it_agrees_with_the_library_that_signs(self) -> None:
        for size in range(0, 200, 20):
            private, message = Ed25519PrivateKey.generate(), os.urandom(size)
            key = private.public_key().public_bytes_raw()
            assert ed25519.verify(key, message, private.sign(message))

    def test_any_changed_byte_of_key_or_signature_is_refused(self) -> None:
        key, message, signature = map(bytes.fromhex, self.VECTORS[1])
        for at in range(64):
            assert not ed25519.verify(key, message, flipped(signature, at))
        for at in range(32):
            assert not ed25519.verify(flipped(key, at), message, signature)

    def test_a_second_form_of_a_signature_is_refused(self) -> None:
        key, message, signature = map(bytes.fromhex, self.VECTORS[1])
        scalar = int.from_bytes(signature[32:], "little") + self.ORDER

        assert not ed25519.verify(key, message, signature[:32] + scalar.to_bytes(32, "little"))

    @pytest.mark.parametrize(
        "key", [(1).to_bytes(32, "little"), bytes(32), (2**255 - 20).to_bytes(32, "little")]
    )
    def test_a_key_that_takes_signatures_nobody_made_is_refused(self, key: bytes) -> None:
        neutral = (1).to_bytes(32, "little")

        assert not ed25519.verify(key, b"anything", neutral + bytes(32))

    @pytest.mark.parametrize(
        ("key", "signature"),
        [(b"", bytes(64)), (bytes(31), bytes(64)), (bytes(33), bytes(64)), (bytes(32), bytes(63)),
         (b"\xff" * 32, bytes(64)), ((2**255 - 19 + 1).to_bytes(32, "little"), bytes(64))],
    )  # fmt: skip
    def test_what_is_no_key_or_no_signature_is_refused(self, key: bytes, signature: bytes) -> None:
        assert not ed25519.verify(key, b"", signature)


class TestEnvelope:
    def test_what_is_signed_is_the_encoding_of_dsse(self) -> None:
        kind, body = "http://example.com/HelloWorld", b"hello world"

        assert pae(kind, body) == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"

    def test_every_key_is_tried_whatever_the_hint(self, case: Case) -> None:
        sealed = case.signer.seal(case.saying())
        keys = {"issuer-2026": Signer("x").raw, "other": case.signer.raw}

        assert open_envelope(sealed, keys)["predicateType"] == PREDICATE_TYPE

    def test_an_unknown_key_is_refused(self, case: Case) -> None:
        with pytest.raises(InputError, match="none of the known keys"):
            open_envelope(case.signer.seal(case.saying()), Signer("issuer-2026").keys)

    def test_the_other_base64_alphabet_is_read(self, case: Case) -> None:
        raw = json.loads(case.signer.seal(case.saying()))
        raw["signatures"][0]["sig"] = raw["signatures"][0]["sig"].translate({43: "-", 47: "_"})

        assert open_envelope(json.dumps(raw).encode(), case.signer.keys)

    def test_another_payload_type_is_refused_although_signed(self, case: Case) -> None:
        payload = dsse.canonical_json(case.saying())
        sealed = dsse.seal("application/json", payload, case.signer.private.sign, "issuer-2026")

        with pytest.raises(InputError, match="application/json"):
            open_envelope(sealed, case.signer.keys)

    @pytest.mark.parametrize(
        "said",
        [
            [],
            {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": PREDICATE_TYPE},
            {"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/x"},
        ],
    )
    def test_another_statement_is_refused_although_signed(self, case: Case, said: Any) -> None:
        with pytest.raises(InputError, match="statement"):
            open_envelope(case.signer.seal(said), case.signer.keys)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"[]",
            b"{",
            b"\xff",
            b'{"payload": "", "payloadType": ""}',
            b'{"payload": "", "payload": "", "payloadType": "", "signatures": [{"sig": ""}]}',
            b'{"payload": "", "payloadType": "", "signatures": []}',
            b'{"payload": "%", "payloadType": "", "signatures": [{"sig": ""}]}',
            b'{"payload": 1, "payloadType": "", "signatures": [{"sig": ""}]}',
            b'{"payload": "", "payloadType": "", "signatures": [{"sig": "", "cert": ""}]}',
            b'{"payload": "", "payloadType": NaN, "signatures": [{"sig": ""}]}',
            b"[" * 100_000,
        ],
    )
    def test_a_malformed_envelope_is_one_error(self, data: bytes) -> None:
        with pytest.raises(InputError):
            open_envelope(data, {"k": bytes(32)})

    def test_keys_are_written_as_openssl_and_the_library_write_them(self) -> None:
        signer = Signer("k")
        public = signer.private.public_key()

        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

        assert to_pem(signer.raw) == pem
        assert from_pem(pem.replace(b"\n", b"\r\n"), "k.pem") == signer.raw

    @pytest.mark.parametrize("text", ["", "hello", "-----BEGIN PUBLIC KEY-----\nAAAA\n"])
    def test_what_is_no_key_file_is_refused(self, text: str) -> None:
        with pytest.raises(InputError, match=r"k\.pem"):
            from_pem(text.encode(), "k.pem")


class TestStatement:
    def test_the_subjects_are_the_merge_and_the_head_by_commit_and_tree(self, case: Case) -> None:
        fix, said = case.facts["fix"], case.saying()

        assert said["_type"] == "https://in-toto.io/Statement/v1"
        assert [(s["name"], s["digest"]) for s in said["subject"]] == [
            ("merge", {"gitCommit": fix["merge_commit"], "gitTree": fix["merge_tree"]}),
            ("head", {"gitCommit": fix["head_commit"], "gitTree": fix["head_tree"]}),
        ]

    def test_every_document_is_listed_by_digest_with_its_role(self, case: Case) -> None:
        listed = case.saying()["predicate"]["verification"]["inputs"]

        assert [(d["name"], d["annotations"]["role"]) for d in listed] == [
            (i.name, i.role) for i in case.inputs
        ]
        assert [d["digest"]["sha256"] for d in listed] == [i.sha256 for i in case.inputs]

    def test_every_fact_of_a_scan_carries_its_source(self, case: Case) -> None:
        scans = case.saying()["predicate"]["verification"]["scans"]

        assert {scan["role"] for scan in scans} == {"before", "after"}
        facts = [fact for scan in scans for fact in scan["facts"].values()]
        assert facts
        assert all(fact["source"] == "measured" for fact in facts)

    def test_the_report_of_each_scan_is_told_by_its_own_word(self, case: Case) -> None:
        scans = case.saying()["predicate"]["verification"]["scans"]

        (before,) = next(scan["report"] for scan in scans if scan["role"] == "before")
        (after,) = next(scan["report"] for scan in scans if scan["role"] == "after")
        assert before["tool"] == after["tool"] == "Bandit"
        assert before["version"] == after["version"]
        assert (before["results"], before["suppressed"]) == (2, 0)
        assert set(before["rules"]) == {"count", "sha256"}

    def test_who_says_what_is_not_of_a_scan_is_told_of_each_fact(self, case: Case) -> None:
        said = case.saying(deployed_at="2026-11-20T10:00:00Z")["predicate"]["sources"]

        assert said == {"deployed_at": "declared", "fix": "measured", "reviews": "fetched"}

    def test_the_same_closure_is_said_in_the_same_bytes(self, case: Case) -> None:
        again = {k: json.loads(json.dumps(case.judgement)) for k in ("judgement",)}

        assert dsse.canonical_json(case.saying()) == dsse.canonical_json(case.saying(**again))
        assert case.signer.seal(case.saying()) == case.signer.seal(case.saying())

    def test_a_patch_is_known_by_what_it_does(self, case: Case) -> None:
        said = case.saying()["predicate"]["verification"]["patch_id"]

        assert re.fullmatch("[0-9a-f]{64}", said)

    def test_no_password_goes_in(self, case: Case) -> None:
        fix = case.saying()["predicate"]["remediation"]
        told = case.saying(
            remediation={
                **fix,
                "repository": "https://bot:s3cret@git.example.org/shop",
                "pull_request": "https://s3cret@git.example.org/shop/pull/1",
            }
        )

        assert b"s3cret" not in dsse.canonical_json(told)
        assert told["subject"][0]["uri"] == "https://git.example.org/shop"

    def test_the_two_questions_are_told_with_scan_and_moment(self, case: Case) -> None:
        moments = case.saying()["predicate"]["verification"]["moments"]

        assert [entry["scan"] for entry in moments["gone"]] == ["after.sarif"]
        assert moments["new"][0]["when"] == "after the merge"
        assert moments["gone"][0]["content"] == "same commit as the merge"

    def test_a_diff_limited_scan_before_the_merge_answers_only_what_is_new(
        self, case: Case
    ) -> None:
        early = {**case.facts["after"], "scope": "diff", "finished_at": "2000-01-01T00:00:00Z",
                 "started_at": "2000-01-01T00:00:00Z"}  # fmt: skip
        facts = json.dumps({**case.facts, "after": early}).encode()
        inputs = [dataclasses.replace(i, data=facts) if i.role == "facts" else i
                  for i in case.inputs]  # fmt: skip

        moments = case.saying(inputs=inputs)["predicate"]["verification"]["moments"]

        assert moments["gone"] == []
        assert moments["new"][0]["when"] == "before the merge"

    @pytest.mark.parametrize(
        ("given", "told"), [(None, "not recorded"), ("2026-11-20T10:00:00Z",) * 2]
    )
    def test_deployment_is_told_or_said_to_be_not_recorded(
        self, case: Case, given: str | None, told: str
    ) -> None:
        assert case.saying(deployed_at=given)["predicate"]["deployed_at"] == told

    def test_no_source_text_goes_in(self, case: Case) -> None:
        verification = json.dumps(case.saying()["predicate"]["verification"])

        assert "shell=True" not in verification

    def test_only_a_verdict_that_passes_is_certified(self, case: Case) -> None:
        failed = json.loads(json.dumps(case.judgement))
        failed["originals"][0]["verdict"] = "unknown"

        with pytest.raises(InputError, match="unknown, only pass"):
            case.saying(judgement=failed)

    def test_a_required_check_that_did_not_pass_is_never_certified(self, case: Case) -> None:
        failed = json.loads(json.dumps(case.judgement))
        next(c for c in failed["checks"] if c["required"])["outcome"] = "UNKNOWN"

        with pytest.raises(InputError, match="UNKNOWN"):
            case.saying(judgement=failed)

    def test_an_unfixed_sibling_blocks_itself_only(self, case: Case) -> None:
        sibling = "before.sarif#/runs/0/results/0"
        told = json.loads(json.dumps(case.judgement))
        told["verdict"] = "fail"
        told["originals"].append({"finding": sibling, "verdict": "fail"})
        told["checks"].append(
            {"id": "ORIGINAL_ABSENT", "finding": sibling, "required": True, "outcome": "FAIL"}
        )

        assert case.saying(judgement=told, finding={"reference": REFERENCE})
        for other in ({"reference": sibling}, {"id": "which of the two?"}):
            with pytest.raises(InputError):
                case.saying(judgement=told, finding=other)

    @pytest.mark.parametrize(
        "changes",
        [
            {"issued_at": "yesterday"},
            {"issued_at": "2026-11-20T10:00:00"},
            {"policy": {"name": "other", "digest": "sha256:00"}},
            {"finding": {"id": "F-2", "reference": "B602@other.py:1"}},
            {"remediation": {"repository": "x"}},
            {"remediation": {"merge_commit": "abc"}},
            {"remediation": {"merge_commit": "0" * 40}},
            {"inputs": ()},
            {"inputs": (Input("x", "gossip", b""),)},
        ],
    )
    def test_what_does_not_follow_from_the_evidence_is_not_said(
        self, case: Case, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(InputError):
            case.saying(**changes)

    def test_two_policies_are_one_too_many(self, case: Case) -> None:
        policy = next(i for i in case.inputs if i.role == "policy")

        with pytest.raises(InputError, match="policy"):
            case.saying(inputs=(*case.inputs, policy))

    def test_the_original_is_known_by_the_digest_of_its_result(self) -> None:
        report = b'{"runs": [{"results": [{"b": 1, "a": 2}]}]}'

        assert original_digest(report, "/runs/0/results/0") == original_digest(
            b'{"runs":[{"results":[{"a":2,"b":1}]}]}', "#/runs/0/results/0"
        )
        with pytest.raises(InputError):
            original_digest(report, "/runs/0/results/1")


class TestBundle:
    def test_it_verifies_with_the_key_of_the_issuer(self, case: Case) -> None:
        found = verify_bundle(case.bundle(), {"from-the-website": case.signer.raw})

        assert found.ok, found.steps
        assert found.trusted
        assert (found.finding["id"], found.verdict) == ("F-1", "pass")
        assert found.fingerprints == (fingerprint(case.signer.raw),)

    def test_it_is_the_same_bytes_every_time(self, case: Case, tmp_path: Path) -> None:
        sealed = case.signer.seal(case.saying())
        path = tmp_path / "bundle.zip"

        write_bundle(path, envelope=sealed, key_list=key_list(case.signer.key()), as_of=ISSUED,
                     seal=case.signer.seal, inputs=case.inputs[::-1])  # fmt: skip

        assert path.read_bytes() == case.bundle()

    def test_an_ordinary_program_can_unpack_it(self, case: Case) -> None:
        with zipfile.ZipFile(io.BytesIO(case.bundle())) as archive:
            assert archive.testzip() is None
            names = set(archive.namelist())

        assert {"VERIFY.md", "bundle.dsse.json", "certificate.dsse.json", "keys.json",
                "keys/issuer-2026.pub.pem"} <= names  # fmt: skip
        assert {f"evidence/{i.sha256}" for i in case.inputs} <= names
        assert set(gate_source()) <= names

    def test_documents_that_were_not_certified_are_not_packed(self, case: Case) -> None:
        other = (*case.inputs[1:], dataclasses.replace(case.inputs[0], data=b"{}"))
        with pytest.raises(InputError):
            case.bundle(inputs=other)
        with pytest.raises(InputError):
            case.bundle(inputs=(*case.inputs, Input("more", "known", b"[]")))
        with pytest.raises(InputError):
            case.bundle(key_list=key_list(Signer("issuer-2026").key()))

    def test_the_gate_that_judged_is_packed_and_no_other(self, case: Case) -> None:
        older = {**gate_source(), "gate/errors.py": b"# an earlier release\n"}

        with pytest.raises(InputError, match=r"gate/errors\.py"):
            case.bundle(source=older)

    def test_a_certificate_of_an_earlier_gate_can_still_be_packed(self, case: Case) -> None:
        older = {**gate_source(), "gate/errors.py": b"# an earlier release\n"}
        said = case.saying()
        digest = Input("", "diff", older["gate/errors.py"]).sha256
        entry = next(e for e in said["predicate"]["gate_source"] if e["path"] == "gate/errors.py")
        entry["sha256"] = digest
        said["predicate"]["judgement"]["gate_version"] = "0.0.1"

        found = verify_bundle(case.bundle(said, source=older))

        assert [s.step for s in found.steps if not s.ok] == ["judgement"]
        assert "verify with the gate inside it" in str(found.steps)


class TestJudgingAgain:
    """Everything here is signed by the issuer's own key: a signature does not make it true."""

    def test_a_judgement_that_the_evidence_does_not_give_is_refused(self, case: Case) -> None:
        def embellish(said: dict[str, Any]) -> None:
            said["predicate"]["judgement"]["checks"][0]["reason"] += " Really."

        found = verify_bundle(case.repacked(embellish), case.signer.keys)

        assert [(s.step, s.ok) for s in found.steps if not s.ok] == [("judgement", False)]
        assert "differs in checks" in next(s.sentence for s in found.steps if not s.ok)

    def test_evidence_that_fails_is_refused_although_certified(self, case: Case) -> None:
        before = next(i for i in case.inputs if i.role == "before")
        swapped = tuple(dataclasses.replace(i, data=before.data) if i.role == "after" else i
                        for i in case.inputs)  # fmt: skip

        found = case.bundle(case.saying(inputs=swapped), inputs=swapped)

        assert failing(found) == ["judgement"]

    @pytest.mark.parametrize(
        ("path", "value", "step"),
        [
            (("subject", 0, "digest", "gitCommit"), "0" * 40, "agreement"),
            (("predicate", "remediation", "merge_tree"), "0" * 40, "agreement"),
            (("predicate", "judgement", "originals", 0, "verdict"), "fail", "agreement"),
            (("predicate", "judgement", "policy", "digest"), "sha256:0", "agreement"),
            (("predicate", "policy", "digest"), "sha256:0", "agreement"),
            (("predicate", "verification", "moments", "gone"), [], "inputs"),
            (("predicate", "verification", "scans", 0, "facts"), {}, "inputs"),
            (("predicate", "verification", "inputs", 0, "annotations"), {"role": "x"}, "inputs"),
            (("predicate", "review"), [], "inputs"),
            (("predicate", "waivers"), [{"check": "TESTS_INTACT"}], "inputs"),
            (("predicate", "disputes"), [{"kind": "dispute"}], "inputs"),
            (("predicate", "verification", "inputs", 0, "digest"), {}, "members"),
            (("predicate", "verification", "inputs"), "none", "members"),
            (("predicate", "gate_source"), [], "members"),
            (("predicate", "gate_source", 0, "path"), "../gate/x.py", "members"),
            (("predicate", "verify_md"), None, "members"),
            (("predicate",), None, "contents"),
            (("predicate", "finding", "rule"), "B101", "finding"),
            (("predicate", "finding", "line"), 6, "finding"),
            (("predicate", "finding", "original", "pointer"), "/runs/0/results/0", "finding"),
            (("predicate", "finding", "original", "result_sha256"), "0" * 64, "finding"),
            (("predicate", "finding", "original", "report_sha256"), "0" * 64, "finding"),
            (("predicateType",), REVOCATION_TYPE, "statement"),
        ],
    )
    def test_a_word_that_does_not_follow_is_refused_although_signed(
        self, case: Case, path: tuple[Any, ...], value: Any, step: str
    ) -> None:
        def change(said: dict[str, Any]) -> None:
            inner: Any = said
            for part in path[:-1]:
                inner = inner[part]
            inner[path[-1]] = value

        found = verify_bundle(case.repacked(change), case.signer.keys)

        assert not found.ok
        assert step in [s.step for s in found.steps if not s.ok], found.steps

    def test_another_makers_bundle_is_whole_but_not_trusted(self, case: Case) -> None:
        forger = Signer("issuer-2026")
        forged = case.bundle(envelope=forger.seal(case.saying()), sealer=forger,
                             key_list=key_list(forger.key()))  # fmt: skip

        assert verify_bundle(forged).ok
        assert not verify_bundle(forged).trusted
        assert failing(forged, case.signer.keys) == ["signature"]


class TestRevocation:
    def revoked(self, case: Case, signer: Signer, **changes: Any) -> bytes:
        given = {"certificate": case.signer.seal(case.saying()), "reason": "the fix was reverted",
                 "by": "security-lead", "revoked_at": "2026-12-01T00:00:00Z"}  # fmt: skip
        return signer.seal(revocation(**{**given, **changes}))

    def test_a_revoked_certificate_is_refused_with_the_reason(self, case: Case) -> None:
        found = verify_bundle(case.bundle(revocations=[self.revoked(case, case.signer)]))

        assert [s.step for s in found.steps if not s.ok] == ["revocation"]
        assert "the fix was reverted" in found.steps[-1].sentence
        assert found.revoked[0]["by"] == "security-lead"

    def test_a_later_key_may_revoke(self, case: Case) -> None:
        later = Signer("issuer-2027")
        bundle = case.bundle(revocations=[self.revoked(case, later)], others=[later])

        assert verify_bundle(bundle, case.signer.keys).revoked

    def test_the_revocation_of_another_certificate_is_refused(self, case: Case) -> None:
        other = self.revoked(case, case.signer, certificate=case.signer.seal({"other": 1}))

        found = verify_bundle(case.bundle(revocations=[other]))

        assert [s.step for s in found.steps if not s.ok] == ["revocation"]
        assert "another certificate" in found.steps[-1].sentence

    def test_a_certificate_is_no_revocation(self, case: Case) -> None:
        assert failing(case.bundle(revocations=[case.signer.seal(case.saying())])) == ["revocation"]

    def test_a_revocation_by_a_stranger_is_not_packed(self, case: Case) -> None:
        with pytest.raises(InputError):
            case.bundle(revocations=[self.revoked(case, Signer("stranger"))])

    def test_any_changed_byte_of_it_is_refused(self, case: Case) -> None:
        members = unpack(case.bundle(revocations=[self.revoked(case, case.signer)]))
        name = "revocations/0001.dsse.json"
        for at in range(0, len(members[name]), 7):
            assert failing(pack({**members, name: flipped(members[name], at)})) == ["signature"]

    @pytest.mark.parametrize("changes", [{"reason": " "}, {"revoked_at": "now"}])
    def test_it_needs_a_reason_and_a_time(self, case: Case, changes: dict[str, str]) -> None:
        with pytest.raises(InputError):
            self.revoked(case, case.signer, **changes)


class TestCommand:
    @pytest.fixture
    def folder(self, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A folder with a bundle, its envelope, the issuer's key and a stranger's."""
        (tmp_path / "b.zip").write_bytes(case.bundle())
        (tmp_path / "e.json").write_bytes(case.signer.seal(case.saying()))
        (tmp_path / "k.pem").write_bytes(to_pem(case.signer.raw))
        (tmp_path / "stranger.pem").write_bytes(to_pem(Signer("x").raw))
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.mark.parametrize(
        ("call", "status"),
        [
            ("b.zip", 0),
            ("b.zip --key k.pem", 0),
            ("b.zip --key stranger.pem --key k.pem", 0),
            ("e.json --key k.pem", 0),
            ("e.json --bundle b.zip --key k.pem", 0),
            ("b.zip --key stranger.pem", 1),
            ("e.json --key stranger.pem", 1),
            ("k.pem", 1),
            ("e.json", 3),
            ("nothing.zip", 3),
            ("b.zip --key nothing.pem", 3),
            ("b.zip --key e.json", 3),
            ("b.zip --format yaml", 3),
            ("", 3),
        ],
    )
    def test_the_exit_status_says_how_it_went(self, folder: Path, call: str, status: int) -> None:
        assert main(["verify", *call.split()]) == status

    def test_without_a_key_it_warns_loudly_and_shows_the_fingerprint(
        self, folder: Path, case: Case, capsys: pytest.CaptureFixture[str]
    ) -> None:
        main(["verify", "b.zip"])

        told = capsys.readouterr().out
        assert "WARNING: no --key and no --keys was given" in told
        assert fingerprint(case.signer.raw) in told
        assert told.endswith("VERIFIED\n")

    def test_an_envelope_alone_is_said_not_to_be_judged_again(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        main(["verify", "e.json", "--key", "k.pem"])

        assert "not re-judged" in capsys.readouterr().out

    def test_the_bundle_of_another_certificate_is_refused(self, folder: Path, case: Case) -> None:
        other = case.signer.seal(case.saying(deployed_at="2026-11-20T10:00:00Z"))
        (folder / "other.json").write_bytes(other)

        assert main(["verify", "other.json", "--bundle", "b.zip", "--key", "k.pem"]) == 1

    def test_json_says_every_step(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        main(["verify", "b.zip", "--key", "k.pem", "--format", "json"])

        told = json.loads(capsys.readouterr().out)
        assert told["ok"] is True
        assert [step["step"] for step in told["steps"]] == [
            "archive", "keys", "signature", "statement", "contents", "validity", "members",
            "inputs", "agreement", "judgement", "finding", "revocation",
        ]  # fmt: skip

    def test_a_file_cannot_write_to_the_auditors_terminal(
        self, case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        finding = {"id": "\x1b[2J\nVERIFIED", "rule": "B602"}
        (tmp_path / "b.zip").write_bytes(case.bundle(case.saying(finding=finding)))

        main(["verify", str(tmp_path / "b.zip")])

        told = capsys.readouterr().out
        assert "\x1b" not in told
        assert told.splitlines().count("VERIFIED") == 1

    def test_the_gate_in_the_bundle_verifies_it_with_python_alone(self, folder: Path) -> None:
        with zipfile.ZipFile("b.zip") as archive:
            archive.extractall(folder / "unpacked")
        program = "import sys; from gate.certificate import main; sys.exit(main(sys.argv[1:]))"
        call = [sys.executable, "-S", "-E", "-c", program, "../b.zip", "--key", "../k.pem"]

        done = subprocess.run(call, cwd=folder / "unpacked", capture_output=True, text=True,
                              check=False)  # fmt: skip

        assert done.returncode == 0, done.stdout + done.stderr

    def test_verify_md_says_it_right_step_by_step(self, folder: Path, case: Case) -> None:
        """Its commands, as they stand there, with the programs it names."""
        text = gate_source()["gate/VERIFY.md"].decode()
        (folder / "BUNDLE.zip").write_bytes(case.bundle())
        blocks = re.findall(r"(?:^    .*\n|(?<=\n)\n(?=    ))+", text, re.MULTILINE)
        script, fingerprinting = (
            "\n".join(line[4:] for line in block.splitlines())
            for block in blocks
            if "openssl" in block
        )
        (folder / "bundle").mkdir()
        (folder / "bundle" / "issuer.pub.pem").write_bytes(to_pem(case.signer.raw))

        def shell(commands: str) -> str:
            done = subprocess.run(["bash", "-e", "-c", commands], cwd=folder, capture_output=True,
                                  text=True, check=False)  # fmt: skip
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert "Signature Verified Successfully" in shell(script)
        printed = shell(f"cd bundle\n{fingerprinting}")
        assert f"sha256:{printed.split()[0]}" == fingerprint(case.signer.raw)
        assert json.loads((folder / "bundle" / "payload.json").read_text())["subject"]

        payload = revocation_list("ctem.example.org", ISSUED, {})
        listed = dsse.seal(LIST_TYPE, payload, case.signer.private.sign, case.signer.keyid)
        for name in ("bundle/certificate.dsse.json", "ctem-certificate-revocations.dsse.json"):
            (folder / name).write_bytes(listed)
        again = script[script.index("python3 - ") :]
        assert "Signature Verified Successfully" in shell(f"cd bundle\n{again}")

        (folder / "ctem-certificate-keys.json").write_bytes(key_list(case.signer.key()))
        (program,) = (block for block in blocks if "gate verify" in block)
        command = "\n".join(line[4:] for line in program.splitlines())
        with zipfile.ZipFile(folder / "BUNDLE.zip") as archive:
            archive.extractall(folder)
        assert shell(command).endswith("VERIFIED\n")

    def test_the_payload_type_is_the_one_of_in_toto(self, case: Case) -> None:
        raw = json.loads(case.signer.seal(case.saying()))

        assert raw["payloadType"] == PAYLOAD_TYPE == "application/vnd.in-toto+json"
        digest = Input("", "facts", base64.b64decode(raw["payload"])).sha256
        assert certificate_digest(json.dumps(raw).encode()) == digest
