"""What is open on a fix's line already: nobody else's finding is held against the fix. Reads only.

A judgement needs it for results alone that the scans before the fix do not account for, and of those
for what the gate's matcher could pair with them. So the gate is asked first without, and only what
may explain its new results is read and kept with the verification.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q

from core.text import clean_text
from findings.models import Finding, Series
from findings.statuses import OPEN
from gate import known as known_list
from gate.evidence import Document, Evidence, Role
from gate.packages import package_identity
from gate.records import Result
from remediations.models import Remediation
from scans.ingest.records import result_from_json
from scans.services import facts as told

NOBODYS: Mapping[str, Any] = {"results": []}
Answers = Sequence[dict[str, Any]]  # judgements, in the order in which they were asked for


def judged_with_known(
    fix: Remediation, evidence: Evidence, ask: Callable[[Evidence], Answers]
) -> tuple[Answers, dict[str, Any]]:
    """Return what ``ask`` answers with what is known on the line, and that, as a document of the gate."""
    answers = ask(evidence)
    known = _known(fix, list(_new(evidence, answers)))
    if not known["results"]:
        return answers, known
    document = Document("known.json", json.dumps(known).encode())
    return ask(replace(evidence, known=known_list.read(document))), known


def _new(evidence: Evidence, answers: Answers) -> Iterator[Result]:
    """The results that judgements list as new."""
    named = {ref for answer in answers for new in answer["new"] for ref in new["evidence"]}
    for scan in evidence.role(Role.AFTER) if named else ():
        for run in scan.report.runs:
            for result in run.results:
                if f"{scan.report.name}#{result.pointer}" in named:
                    yield result


def _known(fix: Remediation, new: Sequence[Result]) -> dict[str, Any]:
    if not new:
        return dict(NOBODYS)
    rows = Finding.objects.filter(line_id=fix.line_id, status__in=OPEN).exclude(
        introduced_by_id=fix.pk
    )
    stored = rows.filter(_may_be(fix, new)).order_by("pk").values_list("current", "original")
    seen = (result_from_json(current or original) for current, original in stored.iterator())
    return {"results": [_row(result) for result in seen if result.location.path]}


def _may_be(fix: Remediation, new: Sequence[Result]) -> Q:
    """Which findings the matcher could pair with new results: those of the same rule.

    Of packages, which go by advisory, and where rules are compared by CWE all that the tool reports.
    """
    rules = {clean_text(result.rule, 300) for result in new}
    loose = {result.tool.casefold() for result in new if _is_loose(result)}
    tools = Series.objects.filter(line_id=fix.line_id).values_list("tool", flat=True).distinct()
    return Q(rule__in=rules) | Q(tool__in=[tool for tool in tools if tool.casefold() in loose])


def _is_loose(result: Result) -> bool:
    key = result.rule_key
    return key != result.rule or key.startswith("CWE-") or package_identity(result) is not None


def _row(result: Result) -> dict[str, Any]:
    place = result.location
    return told.filled(
        tool=result.tool, rule=result.rule, rule_key=result.rule_key, level=result.level.value,
        message=result.message, path=place.path, line=place.line, column=place.column,
        snippet=place.snippet, cwes=list(result.cwes), security_severity=result.security_severity,
        fingerprints=dict(result.fingerprints), guid=result.guid,
    )  # fmt: skip
