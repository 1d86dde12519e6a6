"""A closure certificate in the words of others: OpenVEX ``fixed``, CycloneDX ``resolved_with_pedigree``.

Pure functions of the certificate's statement, so that the same certificate always gives the same
documents. They are not signed and say less than the certificate, whose digest they name; whoever
hands one out has verified the certificate first. Sources: OpenVEX 0.2.0 and its JSON schema;
CycloneDX 1.6 (ECMA-424), vulnerability and pedigree; Package URL, types github and generic.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

from gate import dsse
from gate.errors import InputError
from gate.statement import PREDICATE_TYPE, listed, mapping, without_password

OPENVEX = "https://openvex.dev/ns/v0.2.0"
CYCLONEDX = "http://cyclonedx.org/schema/bom-1.6.schema.json"
SEVERITIES = ("critical", "high", "medium", "low", "info", "none", "unknown")

_ADVISORY = re.compile(r"(CVE-\d{4}-\d{4,}|GHSA(-[23456789cfghjmpqrvwx]{4}){3}|PYSEC-\d{4}-\d+)\Z")
_CWE = re.compile(r"CWE-([1-9]\d{0,5})\Z")


def openvex(said: Mapping[str, Any]) -> dict[str, Any]:
    """The OpenVEX document of a certificate's statement. Raises InputError if it is none."""
    predicate, digest = _certified(said)
    name, aliases = _names(predicate)
    at = str(mapping(predicate.get("decision")).get("at"))
    purl = _purl(said)
    title = mapping(predicate.get("finding")).get("title")
    vulnerability = {
        "name": name,
        **({"description": str(title)} if title else {}),
        **({"aliases": aliases} if aliases else {}),
    }
    statement = {
        "vulnerability": vulnerability,
        "timestamp": at,
        "products": [{"@id": purl, "identifiers": {"purl": purl}}],
        "status": "fixed",
        "status_notes": _notes(said, digest),
    }
    return {
        "@context": OPENVEX,
        "@id": _identity("openvex", digest).urn,
        "author": _issuer(predicate),
        "timestamp": at,
        "version": 1,
        "tooling": f"CTEM gate {predicate.get('gate_version')}",
        "statements": [statement],
    }


def cyclonedx(said: Mapping[str, Any]) -> dict[str, Any]:
    """The CycloneDX VEX of a certificate's statement. Raises InputError if it is none."""
    predicate, digest = _certified(said)
    purl = _purl(said)
    component = {
        "type": "application",
        "bom-ref": purl,
        "name": _software(said)[0],
        "version": _software(said)[1],
        "purl": purl,
        "pedigree": {"commits": _commits(said), "notes": _notes(said, digest)},
    }
    gate = {"type": "application", "name": "CTEM gate", "version": str(predicate["gate_version"])}
    return {
        "$schema": CYCLONEDX,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": _identity("cyclonedx", digest).urn,
        "version": 1,
        "metadata": {
            "timestamp": mapping(predicate.get("decision")).get("at"),
            "tools": {"components": [gate]},
            "component": component,
        },
        "vulnerabilities": [_vulnerability(said, predicate, digest)],
    }


FORMATS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "openvex": openvex,
    "cyclonedx": cyclonedx,
}


def export(said: Mapping[str, Any], form: str) -> str:
    """One of ``FORMATS`` as text. Raises InputError."""
    return json.dumps(FORMATS[form](said), indent=2, ensure_ascii=False) + "\n"


def _certified(said: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The predicate, and the digest that the certificate is known by."""
    predicate = mapping(said.get("predicate"))
    passed = mapping(predicate.get("decision")).get("result") == "pass"
    if said.get("predicateType") != PREDICATE_TYPE or not passed:
        raise InputError("certificate", "does not say that a finding was fixed")
    return predicate, hashlib.sha256(dsse.canonical_json(said)).hexdigest()


def _vulnerability(
    said: Mapping[str, Any], predicate: Mapping[str, Any], digest: str
) -> dict[str, Any]:
    finding = mapping(predicate.get("finding"))
    name, aliases = _names(predicate)
    at = mapping(predicate.get("decision")).get("at")
    severity = str(finding.get("severity") or "").lower()
    cwes = [int(match[1]) for cwe in finding.get("cwes") or () if (match := _CWE.match(str(cwe)))]
    source = {"name": _issuer(predicate)}
    return {
        "id": name,
        "source": source,
        "references": [{"id": alias, "source": source} for alias in aliases],
        "ratings": [{"severity": severity if severity in SEVERITIES else "unknown"}],
        "cwes": cwes,
        "description": str(finding.get("title") or ""),
        "analysis": {
            "state": "resolved_with_pedigree",
            "response": ["update"],
            "detail": _notes(said, digest),
            "firstIssued": at,
            "lastUpdated": at,
        },
        "affects": [{"ref": _purl(said)}],
        "properties": [{"name": "ctem:certificate", "value": f"sha256:{digest}"}],
    }


def _names(predicate: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The published identifier of a vulnerability if the rule is one, else the finding's own."""
    finding = mapping(predicate.get("finding"))
    own, rule = (str(finding.get(key) or "") for key in ("id", "rule"))
    names = [rule, own] if _ADVISORY.match(rule) or not own else [own, rule]
    known = [name for name in dict.fromkeys(names) if name]
    if not known:
        raise InputError("certificate", "names neither the finding nor its rule")
    return known[0], known[1:]


def _software(said: Mapping[str, Any]) -> tuple[str, str]:
    """Name and fixed version: the last part of the repository, and the first subject's commit."""
    predicate = mapping(said.get("predicate"))
    subject = listed(said.get("subject"))[0]
    digest = mapping(subject.get("digest"))
    asset = mapping(predicate.get("finding")).get("asset")
    parts = _repository(said).rstrip("/").removesuffix(".git").rsplit("/", 1)
    return parts[-1] or str(asset or "software"), digest.get("gitCommit") or digest["gitTree"]


def _purl(said: Mapping[str, Any]) -> str:
    """The fixed revision as a Package URL."""
    name, version = _software(said)
    repository = _repository(said)
    url = urlsplit(repository)
    path = [part for part in url.path.removesuffix(".git").split("/") if part]
    if url.hostname == "github.com" and len(path) == 2:
        return f"pkg:github/{quote('/'.join(path).lower())}@{version}"
    vcs = f"?vcs_url={quote(f'git+{repository}@{version}', safe='/:')}" if url.scheme else ""
    return f"pkg:generic/{quote(name, safe='')}@{version}{vcs}"


def _commits(said: Mapping[str, Any]) -> list[dict[str, str]]:
    """The commits that the certificate is about, merge before head."""
    base = _repository(said).rstrip("/").removesuffix(".git")
    link = urlsplit(base).scheme in ("http", "https")
    commits: dict[str, dict[str, str]] = {}
    for subject in listed(said.get("subject")):
        uid = mapping(subject.get("digest")).get("gitCommit")
        if uid and uid not in commits:
            commits[uid] = {"uid": uid, **({"url": f"{base}/commit/{uid}"} if link else {})}
    if not commits:
        raise InputError("certificate", "names no commit, so there is no pedigree")
    return list(commits.values())


def _repository(said: Mapping[str, Any]) -> str:
    """Where the code is, without a name or password that an address may carry."""
    remediation = mapping(mapping(said.get("predicate")).get("remediation"))
    return without_password(str(remediation.get("repository") or ""))


def _notes(said: Mapping[str, Any], digest: str) -> str:
    predicate = mapping(said.get("predicate"))
    policy = mapping(predicate.get("policy"))
    judged = f"verified by the policy {policy.get('name')} ({policy.get('digest')})"
    return f"Fixed, and {judged}; closure certificate sha256:{digest}."


def _issuer(predicate: Mapping[str, Any]) -> str:
    return str(mapping(predicate.get("decision")).get("issuer") or "not recorded")


def _identity(form: str, digest: str) -> UUID:
    """The same for the same certificate, another for any other."""
    return uuid5(NAMESPACE_URL, f"{PREDICATE_TYPE}/{digest}/{form}")
