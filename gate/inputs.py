"""The documents that a judgement was made from, as a certificate lists them, and the way back:
from the documents to the evidence that the gate judges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gate import dsse, formats
from gate.assemble import assemble
from gate.errors import InputError
from gate.evidence import Document, Evidence, Role

SCAN_ROLES = tuple(role.value for role in Role)
MEDIA_TYPES = {
    **dict.fromkeys(SCAN_ROLES, ""),  # by their content
    "diff": "text/x-diff",
    "known": "application/json",
    "facts": "application/json",
    "policy": "application/toml",
}
_AT_MOST_ONE = ("diff", "known", "facts", "policy")


@dataclass(frozen=True, slots=True)
class Input:
    """One document the judgement was made from.

    ``role``: that of a scan, or diff, known, facts or policy. The order within a role is the order
    it was given to the gate in.
    """

    name: str
    role: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Hex digest of the raw bytes."""
        return hashlib.sha256(self.data).hexdigest()

    def descriptor(self) -> dict[str, Any]:
        """The document as an in-toto ResourceDescriptor."""
        return {
            "name": self.name,
            "digest": {"sha256": self.sha256},
            "mediaType": self._media_type(),
            "annotations": {"role": self.role, "size": len(self.data)},
        }

    def _media_type(self) -> str:
        return MEDIA_TYPES[self.role] or formats.recognise(self.name, self.data).media_type


def read_facts(inputs: Sequence[Input]) -> dict[str, Any]:
    """The facts document of the inputs ({} if there is none), after a check of roles and counts."""
    by_role: dict[str, list[Input]] = {role: [] for role in MEDIA_TYPES}
    for document in inputs:
        if document.role not in by_role:
            raise InputError(document.name, f"unknown role {document.role!r}")
        by_role[document.role].append(document)
    for role in _AT_MOST_ONE:
        if len(by_role[role]) > 1:
            raise InputError("inputs", f"more than one document with the role {role}")
    if not by_role["after"] or not by_role["policy"]:
        raise InputError("inputs", "need a scan with the role after, and the policy")
    if not by_role["facts"]:
        return {}
    facts = dsse.load_json(by_role["facts"][0].data, by_role["facts"][0].name)
    if not isinstance(facts, dict):
        raise InputError(by_role["facts"][0].name, "not a JSON object")
    return facts


def evidence_of(inputs: Sequence[Input], findings: Sequence[str]) -> Evidence:
    """What the gate judges, read from the documents. ``findings``: the references, in order."""
    facts = next((i for i in inputs if i.role == "facts"), None)
    scans = {role: [Document(i.name, i.data) for i in inputs if i.role == role] for role in Role}
    return assemble(
        **{role.value: documents for role, documents in scans.items()},
        diff=_one(inputs, "diff"),
        known=_one(inputs, "known"),
        findings=findings,
        facts=read_facts(inputs),
        facts_name=facts.name if facts else "facts",
    )


def _one(inputs: Sequence[Input], role: str) -> Document | None:
    return next((Document(i.name, i.data) for i in inputs if i.role == role), None)
