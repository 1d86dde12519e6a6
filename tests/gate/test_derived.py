"""VEX documents from a certificate: what their standards require, and nothing the certificate denies.

Held against the schemas of CycloneDX 1.6 and OpenVEX 0.2.0: schemas/README.md.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from referencing import Registry, Resource

from gate import derived
from gate.certificate import Input, certificate_digest, envelope, main, statement, to_pem
from gate.derived import cyclonedx, openvex
from gate.errors import InputError
from gate.policy import DEFAULT
from tests.gate.closure import case as closure  # noqa: F401
from tests.gate.made import HEAD, HEAD_TREE, MERGE, MERGE_TREE, PAIRS, good_facts, pair

AT = "2026-11-23T12:00:00+00:00"


@pytest.fixture
def said() -> dict[str, Any]:
    """The statement of a closure that passes."""
    facts = good_facts()
    facts["fix"] |= {"merge_commit": MERGE, "merge_tree": MERGE_TREE}
    judgement = pair("01_good_fix", facts=good_facts(), lamp="both")
    assert judgement["verdict"] == "pass"
    inputs = (
        Input("after.sarif", "after", (PAIRS / "01_good_fix.sarif").read_bytes()),
        Input("before.sarif", "before", (PAIRS / "00_before.sarif").read_bytes()),
        Input("policy.toml", "policy", DEFAULT.to_toml()),
        Input("facts.json", "facts", json.dumps(facts).encode()),
    )
    return statement(
        finding={"id": "CTEM-12", "rule": "B602", "title": "Shell injection", "asset": "shop",
                 "cwes": ["CWE-78", "nonsense"], "severity": "high"},
        remediation={"repository": "https://git.example.org/team/shop.git",
                     "head_commit": HEAD, "head_tree": HEAD_TREE,
                     "merge_commit": MERGE, "merge_tree": MERGE_TREE},
        inputs=inputs,
        judgement=judgement,
        policy=dict(judgement["policy"]),
        issued_at=AT,
        issued_by="ctem.example.org",
    )  # fmt: skip


SCHEMAS = Path(__file__).parent / "schemas"


def validator(name: str) -> jsonschema.protocols.Validator:
    """The schema of that file; what it refers to lies beside it."""
    schema = json.loads((SCHEMAS / name).read_text())
    parts = [json.loads(path.read_text()) for path in SCHEMAS.glob("*.schema.json")]
    registry = Registry().with_resources((p["$id"], Resource.from_contents(p)) for p in parts)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema, registry=registry, format_checker=kind.FORMAT_CHECKER)


SCHEMA_OF = {
    "openvex": validator("openvex-0.2.0.schema.json"),
    "cyclonedx": validator("bom-1.6.SNAPSHOT.schema.json"),
}


def saying(said: dict[str, Any], part: str, **members: Any) -> dict[str, Any]:
    changed = copy.deepcopy(said)
    changed["predicate"][part].update(members)
    return changed


class TestOpenVex:
    def test_it_has_every_member_that_the_standard_requires(self, said):
        document = openvex(said)
        (told,) = document["statements"]

        assert document["@context"] == "https://openvex.dev/ns/v0.2.0"
        assert document["@id"].startswith("urn:uuid:")
        assert (document["author"], document["timestamp"]) == ("ctem.example.org", AT)
        assert document["version"] == 1
        assert set(document) <= {"@context", "@id", "author", "role", "timestamp", "last_updated",
                                 "version", "tooling", "statements"}  # fmt: skip
        assert told["status"] == "fixed"
        assert set(told) == {"vulnerability", "timestamp", "products", "status", "status_notes"}
        assert told["vulnerability"] == {
            "name": "CTEM-12", "description": "Shell injection", "aliases": ["B602"],
        }  # fmt: skip

    def test_the_product_is_the_merged_revision(self, said):
        (product,) = openvex(said)["statements"][0]["products"]

        vcs_url = f"git%2Bhttps://git.example.org/team/shop.git%40{MERGE}"

        assert product["@id"] == f"pkg:generic/shop@{MERGE}?vcs_url={vcs_url}"
        assert product["identifiers"] == {"purl": product["@id"]}

    def test_a_published_vulnerability_goes_by_its_own_name(self, said):
        told = openvex(saying(said, "finding", rule="CVE-2026-12345"))["statements"][0]

        assert told["vulnerability"]["name"] == "CVE-2026-12345"
        assert told["vulnerability"]["aliases"] == ["CTEM-12"]


class TestCycloneDx:
    def test_it_has_every_member_that_the_standard_requires(self, said):
        document = cyclonedx(said)
        (told,) = document["vulnerabilities"]

        assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
        assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                            document["serialNumber"])  # fmt: skip
        assert document["metadata"]["component"]["type"] == "application"
        assert document["metadata"]["component"]["name"] == "shop"
        assert told["analysis"]["state"] == "resolved_with_pedigree"
        assert told["cwes"] == [78]
        assert told["ratings"] == [{"severity": "high"}]
        assert [set(reference) for reference in told["references"]] == [{"id", "source"}]

    def test_the_pedigree_names_the_commits_of_what_is_affected(self, said):
        document = cyclonedx(said)
        component = document["metadata"]["component"]

        assert document["vulnerabilities"][0]["affects"] == [{"ref": component["bom-ref"]}]
        assert [commit["uid"] for commit in component["pedigree"]["commits"]] == [MERGE, HEAD]
        assert component["pedigree"]["commits"][0]["url"] == (
            f"https://git.example.org/team/shop/commit/{MERGE}"
        )

    def test_a_severity_that_it_does_not_know_is_unknown(self, said):
        told = cyclonedx(saying(said, "finding", severity="moderate"))["vulnerabilities"][0]

        assert told["ratings"] == [{"severity": "unknown"}]

    def test_without_a_commit_there_is_no_pedigree(self, said):
        for subject in said["subject"]:
            del subject["digest"]["gitCommit"]

        with pytest.raises(InputError, match="no pedigree"):
            cyclonedx(said)


@pytest.mark.parametrize("form", derived.FORMATS)
class TestBoth:
    def test_it_is_what_its_schema_says(self, said, form):
        poor = saying(said, "finding", title=None, severity=None, cwes=None, id="")
        poor["predicate"]["decision"]["issuer"] = ""
        poor["predicate"]["remediation"]["repository"] = ""
        named = saying(said, "finding", rule="GHSA-x5rq-j2xg-h7qm", cwes=["CWE-1321", "CWE-20"])
        for one in (said, poor, named):
            SCHEMA_OF[form].validate(derived.FORMATS[form](one))

    def test_the_schema_sees_what_is_wrong(self, said, form):
        document = derived.FORMATS[form](said)
        wrong = [{k: v for k, v in document.items() if k != "version"}] if form == "openvex" else []
        wrong += [{**document, "nonsense": 1}, json.loads(json.dumps(document).replace("fixed", "gone")
                  .replace("resolved_with_pedigree", "gone"))]  # fmt: skip
        for one in wrong:
            with pytest.raises(jsonschema.ValidationError):
                SCHEMA_OF[form].validate(one)

    def test_the_same_certificate_gives_the_same_document_and_another_another(self, said, form):
        other = saying(said, "finding", id="CTEM-13")

        assert derived.export(said, form) == derived.export(copy.deepcopy(said), form)
        assert self.identity(said, form) != self.identity(other, form)

    @staticmethod
    def identity(said, form):
        document = derived.FORMATS[form](said)
        return UUID(document.get("@id") or document["serialNumber"])

    def test_it_names_the_certificate_by_its_digest(self, said, form):
        signed = envelope(said, Ed25519PrivateKey.generate().sign, "k")

        assert f"sha256:{certificate_digest(signed)}" in derived.export(said, form)

    def test_only_a_closure_that_passed_is_called_fixed(self, said, form):
        for other in (saying(said, "decision", result="fail"), said | {"predicateType": "x"}, {}):
            with pytest.raises(InputError):
                derived.export(other, form)

    @pytest.mark.parametrize(
        ("repository", "purl"),
        [
            ("https://github.com/Team/Shop.git", f"pkg:github/team/shop@{MERGE}"),
            ("https://bot:secret@github.com/team/shop", f"pkg:github/team/shop@{MERGE}"),
            ("git@github.com:team/shop.git", f"pkg:generic/shop@{MERGE}"),
            ("my shop", f"pkg:generic/my%20shop@{MERGE}"),
            ("", f"pkg:generic/shop@{MERGE}"),
        ],
    )
    def test_any_repository_gives_a_package_url_and_no_password(self, said, form, repository, purl):
        text = derived.export(saying(said, "remediation", repository=repository), form)

        assert f'"{purl}"' in text
        assert "secret" not in text


class TestCommand:
    """The bundle is made by test_certificate's own closure: real git, real Bandit, the real gate."""

    @pytest.fixture
    def folder(self, closure, tmp_path, monkeypatch):  # noqa: F811
        (tmp_path / "b.zip").write_bytes(closure.bundle())
        (tmp_path / "e.json").write_bytes(closure.signer.seal(closure.saying()))
        (tmp_path / "k.pem").write_bytes(to_pem(closure.signer.raw))
        (tmp_path / "stranger.pem").write_bytes(
            to_pem(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
        )
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.mark.parametrize("form", derived.FORMATS)
    def test_a_verified_bundle_is_exported(self, folder, closure, capsys, form):  # noqa: F811
        status = main(["verify", "b.zip", "--key", "k.pem", "--export", form])
        out, err = capsys.readouterr()

        assert status == 0
        assert json.loads(out) == derived.FORMATS[form](closure.saying())
        assert err.endswith("VERIFIED\n")

    def test_what_is_refused_is_not_exported(self, folder, capsys):
        status = main(["verify", "b.zip", "--key", "stranger.pem", "--export", "openvex"])
        out, err = capsys.readouterr()

        assert (status, out) == (1, "")
        assert err.endswith("REFUSED\n")

    @pytest.mark.parametrize(
        "call", ["b.zip", "e.json --key k.pem", "b.zip --key k.pem --export x"]
    )
    def test_who_says_it_must_be_known_and_the_evidence_judged_again(self, folder, capsys, call):
        status = main(["verify", "--export", "openvex", *call.split()])

        assert status == 3
        assert capsys.readouterr().out == ""
