"""Who verified, and whether that is another than who, or what, wrote the fix."""

from __future__ import annotations

from collections.abc import Iterator

from gate.case import After, Case
from gate.checks.check import (
    About,
    Answer,
    check,
    failed,
    passed,
    plain,
    unknown,
    worst,
)
from gate.disputes import authors, is_fixer
from gate.evidence import SOURCE_RANK, Source
from gate.legs import Leg
from gate.models import is_inside, is_same_model
from gate.provenance import AI_ORIGINS
from gate.recipe import own_configuration
from gate.terms import Terms

_ELSEWHERE = "Let a pipeline or a runner that is not the fixer's scan the fix."


@check("INDEPENDENCE", about=About.SCANS, version=2, can_be_waived=False)
def independence(case: Case, terms: Terms) -> Answer:
    """Is the verifying run apart from whoever, or whatever, made the fix?"""
    parts = [part for after in case.afters for part in _dependence(case, terms, after)]
    parts += _own_configuration(case)
    none = unknown("There is no scan after the fix to look at.", remedy=_ELSEWHERE)
    return worst(parts, none)


def _dependence(case: Case, terms: Terms, after: After) -> Iterator[Answer]:
    """What ties one run to the fixer: the session, the model, the account."""
    leg, fix = after.leg, case.evidence.fix
    if is_inside(leg.facts.agent_run, fix.agent_run):
        yield failed(
            f"{leg.label} was started inside the run of the agent that made the fix "
            f"({plain(fix.agent_run, 60)}).",
            leg.ref(),
            remedy=_ELSEWHERE,
        )
    if any(is_same_model(model, fix.model) for model in (leg.facts.model, *leg.run.extensions)):
        yield failed(
            f"{leg.label} used {plain(fix.model, 60)}, the model that made the fix.",
            leg.ref(),
            remedy="Scan with an engine or model that did not make the fix.",
        )
    if leg.facts.uploader and is_fixer(leg.facts.uploader, fix):
        yield failed(
            f"{leg.label} was run by {plain(leg.facts.uploader, 60)}, who made the fix.",
            leg.ref(),
            remedy=_ELSEWHERE,
        )
    if fix.origin in AI_ORIGINS or fix.agent:
        yield _apart_from_agent(case, terms, leg)
    else:
        yield _apart_from_author(case, leg)


def _apart_from_agent(case: Case, terms: Terms, leg: Leg) -> Answer:
    """A deterministic engine is apart from any agent; of another, the model has to be known."""
    fix = case.evidence.fix
    who = fix.agent or "an AI"
    vendor = leg.facts.vendor or leg.run.organization
    if leg.tool_class != "agentic":
        return passed(f"{leg.label} does not use the model of {who}.", leg.ref())
    if terms.disclosed_model and not (leg.facts.model and fix.model):
        hidden = leg.label if not leg.facts.model else who
        return unknown(
            f"Which model {hidden} uses is not disclosed.",
            leg.ref(),
            remedy="Say model of the fix and of the scan in the facts.",
        )
    said = f", by {vendor}" if vendor else ""
    return passed(f"{leg.label} is another run than that of {who}{said}.", leg.ref())


def _apart_from_author(case: Case, leg: Leg) -> Answer:
    """Where a person made the fix, or nobody knows who, it matters who ran the scan."""
    facts, fix = leg.facts, case.evidence.fix
    if facts.uploader_kind in ("service", "runner"):
        return passed(
            f"{leg.label} was run by {facts.uploader or 'a'} ({facts.uploader_kind}).", leg.ref()
        )
    if facts.uploader_kind == "human" or facts.uploader:
        if facts.uploader and authors(fix):
            return passed(
                f"{leg.label} was run by {facts.uploader}, who did not make the fix.", leg.ref()
            )
        return unknown(
            f"Whether who ran {leg.label} also made the fix is not known.",
            leg.ref(),
            remedy="Say author of the fix and uploader of the scan in the facts.",
        )
    if SOURCE_RANK[facts.source] > SOURCE_RANK[Source.DECLARED]:
        return passed(
            f"{leg.label} was run by a pipeline or runner: its facts are {facts.source}.", leg.ref()
        )
    return unknown(
        f"{leg.lacking('Who ran it')}.",
        leg.ref(),
        remedy="Say uploader and uploader_kind of the scan, or measure its facts.",
    )


def _own_configuration(case: Case) -> Iterator[Answer]:
    """Configuration that the fix itself wrote, and the scan obeyed."""
    for after in case.afters:
        named = own_configuration(after.leg, case.diff)
        if named:
            yield failed(
                f"{after.leg.label} names {named} as its configuration, which the fix wrote.",
                case.diff_ref(named),
                remedy=f"Take {named} out of the fix and scan again.",
            )
        for touch in case.touches:
            if touch.kind == "config" and after.leg.engine in touch.tools:
                yield failed(
                    f"{after.leg.label} obeyed {touch.place}, which the fix wrote.",
                    case.diff_ref(touch.place),
                    remedy=f"Take {touch.path} out of the fix and scan again.",
                )


@check("SCAN_PROVENANCE", about=About.SCANS)
def scan_provenance(case: Case, terms: Terms) -> Answer:
    """Who produced the scan: our runner, or an attested pipeline or service not the fixer's?"""
    none = unknown("There is no scan after the fix to look at.", remedy=_ELSEWHERE)
    return worst((_provenance(case, after.leg) for after in case.afters), none)


def _provenance(case: Case, leg: Leg) -> Answer:
    facts = leg.facts
    if facts.uploader and is_fixer(facts.uploader, case.evidence.fix):
        return failed(
            f"{leg.label} comes from {plain(facts.uploader, 60)}, who made the fix.",
            leg.ref(),
            remedy=_ELSEWHERE,
        )
    if facts.source in (Source.MEASURED, Source.ATTESTED):
        return passed(f"The facts of {leg.label} are {facts.source}.", leg.ref())
    if facts.uploader and facts.uploader_kind in ("service", "runner"):
        return passed(
            f"{leg.label} comes from {facts.uploader} ({facts.uploader_kind}).", leg.ref()
        )
    return unknown(
        f"{leg.label} is a bare upload: nothing shows who produced it.",
        leg.ref(),
        remedy="Let a runner, or a pipeline with an attested identity, scan the fix.",
    )
