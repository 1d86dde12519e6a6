"""One closure, made as the server makes one: real keys, real git, real Bandit, the real gate."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate import collect
from gate.assemble import assemble
from gate.bundle import contents, pack, unpack
from gate.certificate import (
    Input,
    Key,
    KeyList,
    envelope,
    open_envelope,
    original_digest,
    statement,
    verify_bundle,
    write_bundle,
)
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
FIRST, LAST = "2000-01-01T00:00:00Z", "2200-01-01T00:00:00Z"


class Signer:
    """A key with its id."""

    def __init__(self, keyid: str) -> None:
        self.keyid = keyid
        self.private = Ed25519PrivateKey.generate()
        self.raw = self.private.public_key().public_bytes_raw()
        self.keys = {keyid: self.raw}

    def seal(self, said: Mapping[str, Any]) -> bytes:
        return envelope(said, self.private.sign, self.keyid)

    def key(self, **life: Any) -> Key:
        """Its public key with a life that holds everything here, or another."""
        return Key(self.keyid, self.raw, **{"not_before": FIRST, "not_after": LAST, **life})


def key_list(*keys: Key) -> bytes:
    return KeyList("ctem.example.org", FIRST, keys).to_bytes()


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
        """``sealer`` signs the contents; ``others`` are keys in the list beside the issuer's."""
        sealer = changes.pop("sealer", self.signer)
        others = changes.pop("others", ())
        given = {"envelope": self.signer.seal(said or self.saying()), "inputs": self.inputs,
                 "key_list": key_list(self.signer.key(), *(other.key() for other in others)),
                 "seal": sealer.seal, "as_of": ISSUED}  # fmt: skip
        file = io.BytesIO()
        write_bundle(file, **{**given, **changes})
        return file.getvalue()

    def repacked(self, change: Callable[[dict[str, Any]], None]) -> bytes:
        """A bundle whose statement was changed and signed anew, with the key of the issuer."""
        members = unpack(self.bundle())
        said = open_envelope(members["certificate.dsse.json"], self.signer.keys)
        change(said)
        members["certificate.dsse.json"] = self.signer.seal(said)
        return self.resealed(members)

    def resealed(self, members: Mapping[str, bytes], as_of: str = ISSUED) -> bytes:
        """Packed with contents that the issuer signs again: what it may not list, it lists."""
        beside = {n: d for n, d in members.items() if is_beside(n)}
        seal = self.signer.seal(contents("ctem.example.org", as_of, beside))
        return pack({**members, "bundle.dsse.json": seal})


def is_beside(name: str) -> bool:
    """Whether the signed contents list a member, and not the certificate."""
    return name in ("certificate.dsse.json", "keys.json") or name.startswith(("keys/", "revoc"))


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
