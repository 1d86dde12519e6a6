"""Evidence and a policy in, a judgement out: the one function that all doors call.

Pure: no clock, no files, no network. The same evidence and policy give the same judgement, so that
a verdict can be computed again years later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gate import __version__
from gate.case import Case, Target, build
from gate.checks import CHECKS
from gate.checks.check import CLOSURE, About, Answer, Check, Lamp, Outcome, not_applicable
from gate.evidence import Evidence, Role, Source
from gate.matching import ALGORITHM, Stage
from gate.policy import Policy
from gate.terms import TIER_RANK, Threshold, Tier
from gate.tiers import tier_of, tier_of_change
from gate.waivers import waived

SCHEMA = "ctem.judgement/1"
LAMPS = ("safe", "right", "both")
VERDICTS = ("pass", "unknown", "fail")  # from the best to the worst
_GREEN = (Outcome.PASS, Outcome.NOT_APPLICABLE, Outcome.WAIVED)


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check's answer. ``finding`` is None where it is about the scans."""

    check: Check
    finding: str | None
    required: bool
    answer: Answer

    def to_dict(self) -> dict[str, Any]:
        """The row as the JSON contract has it."""
        return {
            "id": self.check.id,
            "version": self.check.version,
            "finding": self.finding,
            "lamp": self.check.lamp.value,
            "required": self.required,
            "outcome": self.answer.outcome.value,
            "reason": self.answer.reason,
            "evidence": list(self.answer.evidence),
            "to_pass": self.answer.remedy,
        }


@dataclass(frozen=True, slots=True)
class JudgedOriginal:
    """One finding: the verdict of the chosen lamp, of each lamp, and where it is now.

    ``stage`` and ``path`` are None where nothing like it was found.
    """

    finding: str
    verdict: str
    lamps: Mapping[str, str]
    tier: Tier
    presence: str  # absent | present | inconclusive
    stage: Stage | None
    path: str | None
    line: int | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """The original as the JSON contract has it."""
        at = {"path": self.path, "line": self.line} if self.path is not None else None
        return {
            "finding": self.finding,
            "verdict": self.verdict,
            "lamps": dict(self.lamps),
            "presence": self.presence,
            "stage": self.stage.value if self.stage else None,
            "at": at,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """The whole answer. ``states`` gives SARIF's baselineState by (document, pointer) of a result
    of the after scans; it is for the SARIF output and no part of the JSON contract."""

    verdict: str
    lamps: Mapping[str, str]
    lamp: str
    tier: Tier
    originals: tuple[JudgedOriginal, ...]
    new: tuple[dict[str, Any], ...]
    checks: tuple[CheckRow, ...]
    matching: Mapping[str, Any]
    policy_name: str
    policy_digest: str
    states: Mapping[tuple[str, str], str]

    def to_dict(self) -> dict[str, Any]:
        """The JSON contract ``ctem.judgement/1``; its schema is data/judgement.schema.json."""
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "lamps": dict(self.lamps),
            "tier": self.tier.value,
            "originals": [original.to_dict() for original in self.originals],
            "new": [dict(new) for new in self.new],
            "checks": [row.to_dict() for row in self.checks],
            "matching": dict(self.matching),
            "policy": {"name": self.policy_name, "digest": self.policy_digest},
            "gate_version": __version__,
        }


def judge(evidence: Evidence, policy: Policy, *, lamp: str = "both") -> Judgement:
    """Judge the evidence by the policy.

    ``lamp``: safe, right or both; the verdict at the top is that lamp's, the worst over the
    findings. Raises ValueError for another lamp.
    """
    if lamp not in LAMPS:
        raise ValueError(f"lamp must be one of {', '.join(LAMPS)}, not {lamp!r}")
    return _Judge(evidence, policy, lamp).judge()


class _Judge:
    """One judging: the case per least source, and the answers per tier, each computed once."""

    def __init__(self, evidence: Evidence, policy: Policy, lamp: str) -> None:
        self.evidence, self.policy, self.lamp = evidence, policy, lamp
        self._lit = (*CLOSURE, *((Lamp.AFTER,) if evidence.role(Role.LATER) else ()))
        self._cases: dict[Source, Case] = {}
        self._shared: dict[Tier, dict[str, Answer]] = {}
        self.tiers = [tier_of(item.result, evidence, policy) for item in evidence.originals]
        only_new = tier_of_change(evidence, policy)
        self.tier = max(self.tiers, key=TIER_RANK.__getitem__, default=only_new)

    def judge(self) -> Judgement:
        """Everything, in the order of the contract."""
        own = [self._own_answers(index) for index in range(len(self.tiers))]
        originals = tuple(self._original(index, answers) for index, answers in enumerate(own))
        lamps = self._lamps(originals)
        case = self._case(self.tier)
        return Judgement(
            verdict=self._chosen(lamps),
            lamps=lamps,
            lamp=self.lamp,
            tier=self.tier,
            originals=originals,
            new=tuple(_new(case, self.policy.terms[self.tier].new)),
            checks=tuple(row for check in CHECKS for row in self._rows(check, own)),
            matching=_matching(case),
            policy_name=self.policy.name,
            policy_digest=self.policy.digest,
            states=dict(_states(case)),
        )

    def _case(self, tier: Tier) -> Case:
        least = self.policy.terms[tier].least_source
        if least not in self._cases:
            self._cases[least] = build(self.evidence, least)
        return self._cases[least]

    def _shared_answers(self, tier: Tier) -> dict[str, Answer]:
        """The answers about the scans, by check."""
        if tier not in self._shared:
            case, terms = self._case(tier), self.policy.terms[tier]
            self._shared[tier] = {
                check.id: waived(check, check.run(case, terms), self.evidence, None)
                for check in CHECKS
                if check.about is About.SCANS
            }
        return self._shared[tier]

    def _own_answers(self, index: int) -> dict[str, Answer]:
        """The answers for one finding: its own, and those about the scans, as its tier has them."""
        tier = self.tiers[index]
        case, terms = self._case(tier), self.policy.terms[tier]
        target = case.targets[index]
        ref = target.original.ref
        answers = {}
        for check in CHECKS:
            if check.about is About.SCANS:
                shared = self._shared_answers(tier)[check.id]
                answers[check.id] = waived(check, shared, self.evidence, ref)
            else:
                answer = check.run(case, terms, target)
                answers[check.id] = waived(check, answer, self.evidence, ref)
        return answers

    def _required(self, tier: Tier) -> frozenset[str]:
        """What the policy asks; and where later scans are given, what they are given for."""
        asked = self.policy.terms[tier].required
        return asked | {check.id for check in CHECKS if check.lamp in self._lit[len(CLOSURE) :]}

    def _lamps_of(self, tier: Tier, answers: Mapping[str, Answer]) -> dict[str, str]:
        """The verdict of each lamp over the checks that a tier requires."""
        required = self._required(tier)
        return {
            lamp.value: _verdict(
                answers[check.id].outcome
                for check in CHECKS
                if check.lamp is lamp and check.id in required
            )
            for lamp in self._lit
        }

    def _original(self, index: int, answers: Mapping[str, Answer]) -> JudgedOriginal:
        tier = self.tiers[index]
        lamps = self._lamps_of(tier, answers)
        target = self._case(tier).targets[index]
        gone = answers["ORIGINAL_ABSENT"]
        presence = {Outcome.PASS: "absent", Outcome.FAIL: "present"}
        stage, path, line = _whereabouts(target)
        return JudgedOriginal(
            finding=target.original.ref,
            verdict=self._chosen(lamps),
            lamps=lamps,
            tier=tier,
            presence=presence.get(gone.outcome, "inconclusive"),
            stage=stage,
            path=path,
            line=line,
            reason=gone.reason,
        )

    def _lamps(self, originals: Iterable[JudgedOriginal]) -> dict[str, str]:
        """Each lamp at its worst over the findings; without findings, over the scans' checks."""
        found = [original.lamps for original in originals]
        if not found:
            found = [self._lamps_of(self.tier, self._without_findings())]
        return {
            lamp.value: worst_verdict(lamps[lamp.value] for lamps in found) for lamp in self._lit
        }

    def _without_findings(self) -> dict[str, Answer]:
        answers = dict(self._shared_answers(self.tier))
        for check in CHECKS:
            if check.about is About.FINDING:
                answers[check.id] = not_applicable("No finding is asked about, only what is new.")
        return answers

    def _chosen(self, lamps: Mapping[str, str]) -> str:
        """The verdict of the lamp that was asked for, and of later scans where there are any."""
        asked = CLOSURE if self.lamp == "both" else (Lamp(self.lamp),)
        return worst_verdict(
            lamps[lamp] for lamp in self._lit if lamp in asked or lamp is Lamp.AFTER
        )

    def _rows(self, check: Check, own: list[dict[str, Answer]]) -> Iterable[CheckRow]:
        """One row for all findings where they agree about the scans, else one for each."""
        if not own:
            answers = self._without_findings()
            yield CheckRow(check, None, check.id in self._required(self.tier), answers[check.id])
            return
        rows = [
            CheckRow(check, item.ref, check.id in self._required(tier), answers[check.id])
            for item, tier, answers in zip(self.evidence.originals, self.tiers, own, strict=True)
        ]
        agree = len({(row.required, row.answer) for row in rows}) == 1
        if check.about is About.SCANS and agree:
            rows = [CheckRow(check, None, rows[0].required, rows[0].answer)]
        yield from rows


def worst_verdict(verdicts: Iterable[str]) -> str:
    """The worst of several verdicts; of none, pass."""
    return max(verdicts, key=VERDICTS.index, default="pass")


def _verdict(outcomes: Iterable[Outcome]) -> str:
    """pass if all are green, fail if any failed, else unknown."""
    found = set(outcomes)
    if Outcome.FAIL in found:
        return "fail"
    return "pass" if found <= set(_GREEN) else "unknown"


def _whereabouts(target: Target) -> tuple[Stage | None, str | None, int | None]:
    """The strongest counterpart over the runs that answer for the finding, and its place."""
    best: tuple[Stage, str | None, int | None] | None = None
    for item in target.gone or target.witnesses:
        pair = None if item.index is None else item.after.comparison.pairs.get(item.index)
        if pair and (best is None or pair.stage < best[0]):
            place = item.after.leg.run.results[pair.after].location
            best = (pair.stage, place.path or place.uri or None, place.line)
    return best or (None, None, None)


def _new(case: Case, threshold: Threshold) -> Iterable[dict[str, Any]]:
    for new in case.news:
        place = new.result.location
        yield {
            "rule": new.result.rule,
            "path": place.path or place.uri,
            "line": place.line,
            "level": new.level.value,
            "placement": new.placement.value,
            "cause": new.cause.value,
            "blocks": new.counts(threshold),
            "reason": new.reason,
            "evidence": [new.leg.ref(new.result.pointer)],
        }


def _matching(case: Case) -> dict[str, Any]:
    """The figures of all comparisons together."""
    found = [after.comparison.matching for after in case.afters]
    stages = Counter(pair.stage.value for matching in found for pair in matching.pairs)
    return {
        "algorithm": ALGORITHM,
        "pairs": dict(sorted(stages.items())),
        "unmatched_before": sum(len(matching.unmatched_before) for matching in found),
        "unmatched_after": sum(len(matching.unmatched_after) for matching in found),
    }


def _states(case: Case) -> Iterable[tuple[tuple[str, str], str]]:
    """baselineState of every result after the fix: unchanged at S1 to S4, else new."""
    for after in case.afters:
        comparison = after.comparison
        for index, result in enumerate(after.leg.run.results):
            pair = comparison.taken.get(index)
            same = pair is not None and pair.was_there
            state = "unchanged" if same else "new"
            yield (after.leg.scan.report.name, result.pointer), state
