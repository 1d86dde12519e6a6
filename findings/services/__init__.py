"""Verbs on findings that are not bare transitions."""

from findings.services.decisions import (
    expire_acceptances,
    request_dismissal,
    request_risk_acceptance,
)
from findings.services.moving import assign, perform_transition, set_priority
from findings.services.words import MAX_TEXT, add_comment, text_given

__all__ = [
    "MAX_TEXT",
    "add_comment",
    "assign",
    "expire_acceptances",
    "perform_transition",
    "request_dismissal",
    "request_risk_acceptance",
    "set_priority",
    "text_given",
]
