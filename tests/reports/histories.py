"""What can happen to findings, done by the verbs that do it, at any time that somebody names."""

from datetime import timedelta

from django.db import transaction

from core.errors import Refused
from core.permissions import Role
from findings.lifecycle import transition
from findings.models import Finding
from findings.services import (
    expire_acceptances,
    perform_transition,
    request_dismissal,
    request_risk_acceptance,
)
from findings.services.severities import decide_severity
from scans.models import Clearance
from scans.services.clearances import revoke
from tests import factories as make


def _perform(finding, name, role, at, **brought):
    perform_transition(
        finding=finding, name=name, by=make.member(finding.scope, role), at=at, brought=brought
    )


def _accept(finding, at):
    request_risk_acceptance(
        finding=finding, reason="Soon gone.", until=(at + timedelta(days=4)).date(),
        by=make.member(finding.scope, Role.ANALYST), at=at,
    )  # fmt: skip
    _perform(finding, "accept_risk", Role.APPROVER, at)


def _dismiss(finding, at):
    request_dismissal(
        finding=finding, reason="A constant.", by=make.member(finding.scope, Role.ANALYST), at=at
    )
    _perform(finding, "dismiss", Role.APPROVER, at)


def _rate(finding, at):
    other = "low" if finding.severity != "low" else "critical"
    decide_severity(
        finding=finding, severity=other, reason="Seen again.",
        by=make.member(finding.scope, Role.ANALYST), at=at,
    )  # fmt: skip


def _duplicate(finding, at):
    other = Finding.objects.filter(scope=finding.scope).exclude(pk=finding.pk).first()
    _perform(finding, "mark_duplicate", Role.ANALYST, at, duplicate_of=other.pk)


def _system(name):
    return lambda finding, at: transition(
        finding.pk, name, by=None, at=at, brought={"reason": "It is so."}
    )


def _revoke(finding, at):
    live = Clearance.objects.filter(finding=finding, live=True).first()
    if live is not None:
        revoke(live, reason="It is back.", by=None, at=at)


DOINGS = {
    "validate": lambda f, at: _perform(f, "validate", Role.ANALYST, at, evidence="Seen."),
    "claim": lambda f, at: _perform(f, "claim", Role.DEVELOPER, at, reason="Fixed."),
    "send_back": _system("send_back"),
    "accept": _accept,
    "dismiss": _dismiss,
    "duplicate": _duplicate,
    "vanish": _system("vanish"),
    "reopen": lambda f, at: _perform(f, "reopen", Role.ANALYST, at, reason="Looked again."),
    "expire": lambda f, at: expire_acceptances(at=at),
    "rate": _rate,
    "revoke": _revoke,
}


def happen(world, steps):
    """Do each step (finding, doing, hours after the one before); what is refused does not happen."""
    at, all_of_them = world.base, [*world.findings, *world.proven]
    for number, doing, hours in steps:
        at += timedelta(hours=hours)
        finding = Finding.objects.select_related("scope").get(pk=all_of_them[number].pk)
        try:
            with transaction.atomic():
                DOINGS[doing](finding, at)
        except Refused:
            continue
    return at
