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
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gate import collect, dsse, ed25519
from gate.assemble import assemble
from gate.bundle import pack, unpack
from gate.certificate import (
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    REVOCATION_TYPE,
    Input,
    certificate_digest,
    envelope,
    fingerprint,
    from_pem,
    gate_source,
    main,
    open_envelope,
    original_digest,
    pae,
    revocation,
    statement,
    to_pem,
    verify_bundle,
    write_bundle,
)
from gate.errors import InputError
from gate.evidence import Document
from gate.judgement import judge
from gate.policy import DEFAULT

BANDIT = str(Path(sys.executable).parent / "bandit")
FLAWED = "import subprocess\n\n\ndef run(name):\n    subprocess.call(name, shell=True)\n"
FIXED = FLAWED.replace("name, shell=True", '["/bin/echo", name]')
PEOPLE = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}
ROLES = ("after", "before", "control")
REFERENCE = "B602@app.py:5"
ISSUED = "2100-01-01T00:00:00Z"


class Signer:
    """A key with its id."""

    def __init__(self, keyid: str) -> None:
        self.keyid = keyid
        self.private = Ed25519PrivateKey.generate()
        self.raw = self.private.public_key().public_bytes_raw()
        self.keys = {keyid: self.raw}

    def seal(self, said: Mapping[str, Any]) -> bytes:
        return envelope(said, self.private.sign, self.keyid)


@dataclasses.dataclass(frozen=True)
class Case:
    """A closure that passes: what the server has in its hands when it issues a certificate."""

    inputs: tuple[Input, ...]
    judgement: dict[str, Any]
    facts: dict[str, Any]
    signer: Signer

    def saying(self, **changes: Any) -> dict[str, Any]:
        fix = self.facts["fix"]
        revisions = (f"{r}_{k}" for r in ("base", "head", "merge") for k in ("commit", "tree"))
        before = next(i for i in self.inputs if i.role == "before")
        pointer = self.pointer(before)
        frozen = {
            "report_sha256": before.sha256,
            "pointer": pointer,
            "result_sha256": original_digest(before.data, pointer),
        }
        given: dict[str, Any] = {
            "finding": {"id": "F-1", "rule": "B602", "path": "app.py", "line": 5, "cwes": ["CWE-78"],
                        "original": frozen},
            "remediation": {"kind": "code change", "repository": "https://git.example.org/shop",
                            **{name: fix[name] for name in revisions}},
            "inputs": self.inputs,
            "judgement": self.judgement,
            "policy": dict(self.judgement["policy"]),
            "issued_at": ISSUED,
            "issued_by": "ctem.example.org",
            "decided_by": "approver",
            "sources": {"fix": "measured", "reviews": "fetched"},
        }  # fmt: skip
        return statement(**{**given, **changes})

    def pointer(self, before: Input) -> str:
        results = json.loads(before.data)["runs"][0]["results"]
        at = next(i for i, result in enumerate(results) if result["ruleId"] == "B602")
        return f"/runs/0/results/{at}"

    def bundle(self, said: Mapping[str, Any] | None = None, **changes: Any) -> bytes:
        file = io.BytesIO()
        given = {"envelope": self.signer.seal(said or self.saying()), "keys": self.signer.keys,
                 "inputs": self.inputs}  # fmt: skip
        write_bundle(file, **{**given, **changes})
        return file.getvalue()

    def repacked(self, change: Callable[[dict[str, Any]], None]) -> bytes:
        """A bundle whose statement was changed and signed anew, with the key of the issuer."""
        members = unpack(self.bundle())
        said = open_envelope(members["certificate.dsse.json"], self.signer.keys)
        change(said)
        members["certificate.dsse.json"] = self.signer.seal(said)
        return pack(members)


def git(repo: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=repo, env={**os.environ, **PEOPLE}, check=True,
                          capture_output=True, text=True)  # fmt: skip
    return done.stdout.strip()


def scan(repo: Path, role: str) -> tuple[bytes, dict[str, Any]]:
    """A real scan through the wrapper: its report and its measured facts."""
    out = repo.parent / role
    here = Path.cwd()
    os.chdir(repo)
    try:
        command = ["--", BANDIT, "-q", "-r", ".", "-f", "sarif", "-o", str(out / "raw.sarif")]
        assert collect.main(["run", "--out", str(out), "--role", role, *command]) == 0
    finally:
        os.chdir(here)
    return (out / "scan.sarif").read_bytes(), json.loads((out / "facts.json").read_text())[role]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A flaw found, fixed on a branch, reviewed, merged and scanned again."""
    repo = tmp_path_factory.mktemp("closure") / "repo"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    (repo / "app.py").write_text(FLAWED)
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "first")
    base = git(repo, "rev-parse", "HEAD")
    before, before_facts = scan(repo, "before")
    git(repo, "switch", "-q", "-c", "fix")
    (repo / "app.py").write_text(FIXED)
    git(repo, "commit", "-q", "-a", "-m", "Call echo without a shell")
    head = git(repo, "rev-parse", "HEAD")
    fixed_at = collect._now()
    git(repo, "switch", "-q", "main")
    git(repo, "merge", "-q", "--no-ff", "-m", "Merge fix", "fix")
    merged_at = collect._now()
    after, after_facts = scan(repo, "after")
    merge = {"merge_commit": git(repo, "rev-parse", "HEAD"), "merged_at": merged_at,
             "merge_tree": git(repo, "rev-parse", "HEAD^{tree}"), "pushed_at": fixed_at}  # fmt: skip
    review = {"reviewer": "Grace <grace@example.org>", "kind": "human", "commit": head,
              "tree": git(repo, "rev-parse", f"{head}^{{tree}}"), "decision": "approved",
              "at": merged_at}  # fmt: skip
    facts = {
        "fix": {**collect.git_fix(repo, base, head), **merge},
        "before": before_facts,
        "after": after_facts,
        "reviews": [review],
        "at": collect._now(),
    }
    inputs = (
        Input("after.sarif", "after", after),
        Input("before.sarif", "before", before),
        Input("fix.diff", "diff", collect.git_diff(repo, base, head)),
        Input("facts.json", "facts", json.dumps(facts).encode()),
        Input("default.toml", "policy", DEFAULT.to_toml()),
    )
    return Case(inputs, judged(inputs, facts), facts, Signer("issuer-2026"))


def judged(inputs: tuple[Input, ...], facts: dict[str, Any]) -> dict[str, Any]:
    """The judgement of the real gate."""
    by_role = {role: [Document(i.name, i.data) for i in inputs if i.role == role] for role in ROLES}
    diff = next(Document(i.name, i.data) for i in inputs if i.role == "diff")
    evidence = assemble(**by_role, diff=diff, findings=[REFERENCE], facts=facts,
                        facts_name="facts.json")  # fmt: skip
    told: dict[str, Any] = judge(evidence, DEFAULT, lamp="both").to_dict()
    unmet = [f"{c['id']} {c['outcome']}: {c['reason']}" for c in told["checks"] if c["required"]
             and c["outcome"] not in ("PASS", "NOT_APPLICABLE")]  # fmt: skip
    assert told["verdict"] == "pass", unmet
    return told


def failing(data: bytes, keys: Mapping[str, bytes] | None = None) -> list[str]:
    return [step.step for step in verify_bundle(data, keys).steps if not step.ok]


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
        told = json.loads(json.dumps(case.judgement))
        told["verdict"] = "fail"
        told["originals"].append({"finding": "B307@app.py:9", "verdict": "fail"})
        told["checks"].append(
            {"id": "ORIGINAL_ABSENT", "finding": "B307@app.py:9", "required": True,
             "outcome": "FAIL"}
        )  # fmt: skip

        assert case.saying(judgement=told, finding={"reference": REFERENCE})
        for other in ({"reference": "B307@app.py:9"}, {"id": "which of the two?"}):
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

        write_bundle(path, envelope=sealed, keys=case.signer.keys, inputs=case.inputs[::-1])

        assert path.read_bytes() == case.bundle()

    def test_an_ordinary_program_can_unpack_it(self, case: Case) -> None:
        with zipfile.ZipFile(io.BytesIO(case.bundle())) as archive:
            assert archive.testzip() is None
            names = set(archive.namelist())

        assert {"VERIFY.md", "certificate.dsse.json", "keys/issuer-2026.pub.pem"} <= names
        assert {f"evidence/{i.sha256}" for i in case.inputs} <= names
        assert set(gate_source()) <= names

    @pytest.mark.slow
    def test_a_changed_byte_in_any_member_is_refused(self, case: Case) -> None:
        members = unpack(case.bundle())
        for name, data in members.items():
            for at in {0, len(data) // 2, len(data) - 1} if data else ():
                changed = pack({**members, name: flipped(data, at)})
                assert not verify_bundle(changed).ok, f"{name} at {at}"
                assert not verify_bundle(changed, case.signer.keys).ok, f"{name} at {at}"

    @pytest.mark.parametrize(
        "member",
        [
            pytest.param("certificate.dsse.json", marks=pytest.mark.slow),
            "keys/issuer-2026.pub.pem",
        ],
    )
    def test_not_even_a_byte_that_nobody_signs_can_be_changed(
        self, case: Case, member: str
    ) -> None:
        members = unpack(case.bundle())
        data = members[member]
        for at in range(max(0, len(data) - 400), len(data)):
            assert not verify_bundle(pack({**members, member: flipped(data, at)})).ok, at

    def test_a_changed_byte_anywhere_in_the_archive_is_refused(self, case: Case) -> None:
        bundle = case.bundle()
        header = [*range(100), *range(len(bundle) - 200, len(bundle))]
        for at in (*header, *range(0, len(bundle), len(bundle) // 40)):
            assert not verify_bundle(flipped(bundle, at)).ok, at

    def test_a_member_cannot_be_added_left_out_or_renamed(self, case: Case) -> None:
        members = unpack(case.bundle())
        for name, data in members.items():
            without = {n: d for n, d in members.items() if n != name}
            assert failing(pack(without)), f"{name} left out"
            assert failing(pack({**without, f"{name}x": data})), f"{name} renamed"
        stranger = to_pem(Signer("x").raw)
        for name in ("extra.txt", "evidence/" + "0" * 64, "gate/extra.py", "keys/x.pub.pem",
                     "revocations/0001.dsse.json", "../evil", "certificate.dsse.json "):  # fmt: skip
            assert failing(pack({**members, name: stranger})), f"{name} added"

    def test_what_another_program_packs_is_refused(self, case: Case) -> None:
        bundle, members = case.bundle(), unpack(case.bundle())
        for changed in (
            bundle + b"\0",
            b"\0" + bundle,
            bundle[:-1],
            bundle + bundle,
            zipped(members, zipfile.ZIP_DEFLATED),
            zipped(members, comment=b"hello"),
            zipped(members, twice="VERIFY.md"),
            zipped(dict(reversed(members.items()))),
            b"",
            b"PK\3\4",
        ):
            assert failing(changed) == ["archive"]

    def test_an_archive_never_unpacks_to_more_than_its_size(self) -> None:
        bomb = zipped({"VERIFY.md": bytes(200_000_000)}, zipfile.ZIP_DEFLATED)
        many = zipped({f"evidence/{n:064}": b"" for n in range(5_000)})
        started = time.monotonic()

        assert failing(bomb) == failing(many) == ["archive"]
        assert time.monotonic() - started < 2

    def test_documents_that_were_not_certified_are_not_packed(self, case: Case) -> None:
        other = (*case.inputs[1:], dataclasses.replace(case.inputs[0], data=b"{}"))
        with pytest.raises(InputError):
            case.bundle(inputs=other)
        with pytest.raises(InputError):
            case.bundle(inputs=(*case.inputs, Input("more", "known", b"[]")))
        with pytest.raises(InputError):
            case.bundle(keys=Signer("issuer-2026").keys)

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
            (("predicate", "verification", "inputs", 0, "digest"), {}, "members"),
            (("predicate", "verification", "inputs"), "none", "members"),
            (("predicate", "gate_source"), [], "members"),
            (("predicate", "gate_source", 0, "path"), "../gate/x.py", "members"),
            (("predicate", "verify_md"), None, "members"),
            (("predicate",), None, "members"),
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
        forged = case.bundle(envelope=forger.seal(case.saying()), keys=forger.keys)

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
        bundle = case.bundle(
            revocations=[self.revoked(case, later)], keys={**case.signer.keys, **later.keys}
        )

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
        assert "WARNING: no --key was given" in told
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
            "archive", "keys", "signature", "statement", "members", "inputs", "agreement",
            "judgement", "finding", "revocation",
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

    def test_the_payload_type_is_the_one_of_in_toto(self, case: Case) -> None:
        raw = json.loads(case.signer.seal(case.saying()))

        assert raw["payloadType"] == PAYLOAD_TYPE == "application/vnd.in-toto+json"
        digest = Input("", "facts", base64.b64decode(raw["payload"])).sha256
        assert certificate_digest(json.dumps(raw).encode()) == digest


def flipped(data: bytes, at: int) -> bytes:
    """With one bit changed."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def zipped(
    members: Mapping[str, bytes],
    method: int = zipfile.ZIP_STORED,
    comment: bytes = b"",
    twice: str = "",
) -> bytes:
    """As any other program might pack it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, method)
        if twice:
            with pytest.warns(UserWarning, match="Duplicate name"):
                archive.writestr(zipfile.ZipInfo(twice, (1980, 1, 1, 0, 0, 0)), b"other")
        archive.comment = comment
    return file.getvalue()
