"""Judging a certificate's evidence again: what it says must follow from what it was made from.

Each function is one step of a verification: it returns a value and a sentence, or raises
InputError with what does not hold. Signatures and archives are not its business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gate import dsse
from gate.bundle import sha256
from gate.errors import InputError
from gate.evidence import Evidence
from gate.inputs import Input, evidence_of, read_facts
from gate.judgement import judge
from gate.policy import Policy, load
from gate.statement import (
    contradictions,
    derived,
    gate_source,
    judged,
    listed,
    mapping,
    original_digest,
)

DERIVED = (
    "verification",
    "review",
    "waivers",
    "disputes",
)  # members that follow from the documents

Read = tuple[list[Input], Evidence]


def read_inputs(members: Mapping[str, bytes], predicate: Mapping[str, Any]) -> tuple[Read, str]:
    """The documents and the evidence in them; what the certificate tells of them follows from them."""
    inputs = documents(members, predicate)
    facts = read_facts(inputs)
    evidence = evidence_of(inputs, judged(mapping(predicate.get("judgement"))))
    follows = derived(inputs, facts, evidence)
    for name in DERIVED:
        if predicate.get(name) != follows.get(name):
            told = f"its {name} does not follow from the evidence{other_gate(predicate)}"
            raise InputError("certificate", told)
    return (
        (inputs, evidence),
        f"{len(inputs)} documents, and what is told of them follows from them",
    )


def documents(members: Mapping[str, bytes], predicate: Mapping[str, Any]) -> list[Input]:
    """The documents that a certificate lists, from the members of its bundle."""
    inputs = []
    for entry in listed(mapping(predicate.get("verification")).get("inputs")):
        digest = mapping(entry.get("digest")).get("sha256")
        role = mapping(entry.get("annotations")).get("role")
        inputs.append(Input(str(entry.get("name")), str(role), members[f"evidence/{digest}"]))
    return inputs


def agree(said: Mapping[str, Any], read: Read) -> tuple[bool, str]:
    """The statement does not contradict its own judgement, nor the facts."""
    problems = contradictions(said, read_facts(read[0]))
    if problems:
        raise InputError("certificate", "; ".join(problems))
    return True, "verdict pass, and the subjects are the revisions that were judged"


def judge_again(read: Read, predicate: Mapping[str, Any]) -> tuple[bool, str]:
    """The gate, run again, comes to the same judgement in every member."""
    inputs, evidence = read
    certified = mapping(predicate.get("judgement"))
    again = judged_by(evidence, own_policy(inputs))
    if dsse.canonical_json(again) != dsse.canonical_json(certified):
        raise InputError("judgement", _difference(again, certified, predicate))
    return True, f"judged again from the evidence: the same in all {len(again)} members"


def own_policy(inputs: Sequence[Input]) -> Policy:
    """The policy that the documents were judged by."""
    policy = next(document for document in inputs if document.role == "policy")
    return load(policy.data, policy.name)


def judged_by(evidence: Evidence, policy: Policy) -> dict[str, Any]:
    """What this gate says of the evidence: both lamps, as the JSON contract has it."""
    return judge(evidence, policy, lamp="both").to_dict()


def _difference(
    again: Mapping[str, Any], certified: Mapping[str, Any], predicate: Mapping[str, Any]
) -> str:
    differing = sorted(
        k for k in again.keys() | certified.keys() if again.get(k) != certified.get(k)
    )
    return f"judged again it differs in {', '.join(differing)}{other_gate(predicate)}"


def other_gate(predicate: Mapping[str, Any]) -> str:
    """What to do where this gate is not the one that was certified; empty where it is."""
    own = {path: sha256(data) for path, data in gate_source().items()}
    theirs = {str(e.get("path")): e.get("sha256") for e in listed(predicate.get("gate_source"))}
    if own == theirs:
        return ""
    return (
        f"; this gate is not the one that was certified ({predicate.get('gate_version')}):"
        " unpack the bundle and verify with the gate inside it, as VERIFY.md says"
    )


def same_finding(read: Read, predicate: Mapping[str, Any]) -> tuple[bool, str]:
    """Hold what the certificate says of the finding against the frozen result that was judged."""
    inputs, evidence = read
    finding = mapping(predicate.get("finding"))
    original = next((o for o in evidence.originals if o.ref == finding.get("reference")), None)
    if original is None or original.result is None:
        raise InputError("finding", "its reference names no result of the scans before the fix")
    result = original.result
    told = {"rule": result.rule, "path": result.location.path, "line": result.location.line}
    for name, value in told.items():
        if finding.get(name) not in (None, value):
            raise InputError("finding", f"{name} is {value!r}, certified is {finding[name]!r}")
    frozen = mapping(finding.get("original"))
    if frozen:
        _check_frozen(frozen, inputs, result.pointer)
    return True, f"{finding.get('reference')} is a result of the scan before the fix"


def _check_frozen(frozen: Mapping[str, Any], inputs: list[Input], pointer: str) -> None:
    report = next((i for i in inputs if i.sha256 == frozen.get("report_sha256")), None)
    if report is None:
        raise InputError("finding", "the report it came from is not in the bundle")
    if frozen.get("pointer") != pointer:
        raise InputError("finding", f"it is at {pointer}, certified is {frozen.get('pointer')}")
    if original_digest(report.data, pointer) != frozen.get("result_sha256"):
        raise InputError("finding", "the digest of the frozen result differs")
