"""Verbs on findings that are not bare transitions."""

from findings.services.assigning import KEEP, MAX_ASSIGNED, Assigned, assign, assign_many
from findings.services.campaigns import (
    MAX_MEMBERS,
    add_findings,
    change_campaign,
    end_campaign,
    remove_findings,
    start_campaign,
)
from findings.services.decisions import (
    expire_acceptances,
    request_dismissal,
    request_risk_acceptance,
)
from findings.services.grouping import MAX_GROUPED, merge_findings, rename_group, split_group
from findings.services.moving import perform_transition
from findings.services.rescoring import order_rescoring, rescore
from findings.services.saving import change_view, choose_list, remove_view, save_view
from findings.services.words import (
    MAX_TEXT,
    add_comment,
    change_comment,
    mentioned,
    remove_comment,
    text_given,
)

__all__ = [
    "KEEP",
    "MAX_ASSIGNED",
    "MAX_GROUPED",
    "MAX_MEMBERS",
    "MAX_TEXT",
    "Assigned",
    "add_comment",
    "add_findings",
    "assign",
    "assign_many",
    "change_campaign",
    "change_comment",
    "change_view",
    "choose_list",
    "end_campaign",
    "expire_acceptances",
    "mentioned",
    "merge_findings",
    "order_rescoring",
    "perform_transition",
    "remove_comment",
    "remove_findings",
    "remove_view",
    "rename_group",
    "request_dismissal",
    "request_risk_acceptance",
    "rescore",
    "save_view",
    "split_group",
    "start_campaign",
    "text_given",
]
