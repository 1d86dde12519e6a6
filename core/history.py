"""Events as people read them: a sentence, what was said with it, an icon. No queries, no rules."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.models import Event

LABELS = {
    "finding.prioritize": "prioritized it",
    "finding.validate": "validated it",
    "finding.mobilize": "started fixing it",
    "finding.claim": "claimed that it is fixed",
    "finding.send_back": "sent it back: verification failed",
    "finding.complete": "completed it: the gate saw the proof",
    "finding.accept_risk": "accepted the risk",
    "finding.dismiss": "confirmed a false positive",
    "finding.mark_duplicate": "marked it as a duplicate",
    "finding.vanish": "found it no longer present",
    "finding.expire": "reopened it: the acceptance ended",
    "finding.renew_risk": "accepted to carry the risk on",
    "finding.clock_paused": "paused its clock",
    "finding.clock_resumed": "let its clock run on",
    "webhook.created": "made a webhook",
    "webhook.changed": "changed a webhook",
    "webhook.paused": "paused a webhook",
    "webhook.resumed": "resumed a webhook",
    "webhook.secret_rotated": "rotated a webhook's secret",
    "webhook.tried": "tried a webhook",
    "webhook.resent": "had a message sent again",
    "webhook.disabled": "disabled a webhook that does not answer",
    "webhook.ended": "ended a webhook",
    "sla.due_soon": "told what is due soon",
    "sla.overdue": "told what is overdue",
    "sla.stage_overdue": "told what is too long in its stage",
    "sla.acceptance_ends": "told which acceptances end soon",
    "scope.sla_set": "changed the SLA",
    "scope.priority_policy_set": "changed the weights of priorities",
    "priorities.rescored": "worked priorities out again",
    "feed.imported": "imported a feed",
    "finding.reopen": "reopened it",
    "finding.revoke": "reopened it and revoked its certificate",
    "finding.judged": "judged a fix: not passed",
    "finding.verified": "judged a fix: passed",
    "finding.assigned": "assigned it",
    "finding.commented": "commented",
    "finding.dismissal_requested": "asked to dismiss it as a false positive",
    "finding.risk_acceptance_requested": "asked to accept the risk",
    "finding.severity_decided": "decided the severity",
    "finding.severity_undecided": "took the decided severity back",
    "finding.tagged": "changed its tags",
    "finding.evidence_added": "brought evidence",
    "finding.file_attached": "added a file",
    "finding.disputed": "disputed it",
    "finding.dispute_upheld": "upheld the dispute",
    "finding.dispute_rejected": "rejected the dispute",
    "finding.dispute_withdrawn": "took the dispute back",
    "discovery_rule.requested": "asked for a rule of discovery",
    "discovery_rule.made": "made a rule of discovery",
    "discovery_rule.approved": "approved a rule of discovery",
    "discovery_rule.applied": "applied a rule of discovery to what is there",
    "discovery_rule.ended": "ended a rule of discovery",
    "discovery_rule.expired": "ended rules of discovery whose day had come",
    "discovery_rule.taken_back": "took back what an ended rule of discovery did",
    "scope.decision_policy_set": "said who decides alone",
    "finding.comment_changed": "changed a comment",
    "finding.comment_removed": "removed a comment",
    "findings.exported": "exported findings",
    "view.saved": "saved a view of the findings",
    "view.changed": "changed a view of the findings",
    "view.removed": "removed a view of the findings",
    "list.chosen": "chose how the list of findings looks",
    "campaign.started": "started the campaign",
    "campaign.changed": "changed the campaign",
    "campaign.findings_added": "took findings in",
    "campaign.findings_removed": "took findings out",
    "campaign.ended": "ended the campaign",
    "group.merged": "merged findings into one group",
    "group.split": "took findings out of the group",
    "group.renamed": "renamed the group",
    "proposal.offered": "brought proposed fixes",
    "proposal.taken": "took the proposal as a fix",
    "proposal.declined": "declined the proposal",
    "pull.linked": "linked a pull request",
    "remediation.proposed": "proposed a fix",
    "remediation.pushed": "pushed a new revision",
    "remediation.reviewed": "reviewed the fix",
    "remediation.merged": "merged the fix",
    "remediation.deployed": "recorded a deployment",
    "remediation.withdrawn": "withdrew the fix",
    "remediation.waived": "waived a check",
    "remediation.waiver_revoked": "revoked a waiver",
    "remediation.dispute_proposed": "disputed the judgement",
    "remediation.dispute_confirmed": "confirmed a dispute",
    "remediation.dispute_withdrawn": "withdrew a dispute",
    "finding.revocation_recorded": "told of the secret's revocation",
    "remediation.proof_recorded": "recorded a proof of concept",
    "scope.release_recorded": "looked up a release",
    "scope.standing_approval_given": "gave a standing approval",
    "scope.standing_approval_ended": "ended a standing approval",
    "scan.received": "uploaded a scan",
    "scan.ordered": "ordered a scan",
    "scan.imported": "imported a scan",
    "scan.failed": "could not use a scan",
    "scan.cancelled": "cancelled a scan",
    "recipe.added": "added a recipe of the runner",
    "schedule.set": "had a line scanned each day",
    "schedule.ended": "ended the daily scan of a line",
    "schedule.failed": "could not order the daily scan of a line",
    "scope.moved_in": "moved findings in from another tracker",
    "scope.history_imported": "imported closures from elsewhere",
    "installation.set_up": "set up this installation",
    "scope.created": "created the scope",
    "scope.policy_set": "set another gate policy",
    "scope.changed": "changed the scope",
    "asset.changed": "changed an asset",
    "asset.linked": "linked an asset with another",
    "asset.unlinked": "took a link between assets away",
    "asset.alias_added": "let uploads call an asset by another name",
    "asset.code_owners_told": "told who owns which path of an asset",
    "assets.imported": "imported a list of assets",
    "findings.owned": "set the owners of findings by CODEOWNERS",
    "team.created": "made a team",
    "team.changed": "changed a team",
    "team.removed": "removed a team",
    "team.member_added": "put somebody on a team",
    "team.member_removed": "took somebody off a team",
    "report.ordered": "ordered a report",
    "report.made": "made the report",
    "inbox.received": "sent a report of an unknown asset",
    "inbox.placed": "placed a report of the inbox",
    "inbox.rejected": "rejected a report of the inbox",
    "member.set": "set a member's role",
    "asset.created": "created an asset",
    "policy.stored": "stored a policy",
    "pipeline.added": "let a pipeline upload",
    "pipeline.ended": "took a pipeline's access back",
    "notices.set": "changed what they are told of",
    "token.issued": "made an API token",
    "token.rotated": "gave an API token another key",
    "token.revoked": "revoked an API token",
    "token.refused": "was refused: the API token has ended",
    "service_account.created": "made a service account",
    "service_account.ended": "ended a service account",
    "verification.disposition": "decided about a new result",
    "certificate_key.made": "made a key for certificates",
    "certificate_key.retired": "retired a key for certificates",
    "certificate_key.revoked": "revoked a key for certificates",
    "backup.restored": "restored a backup",
}
LOOKS = {  # action → icon, tone
    "finding.complete": ("badge-check", "pass"),
    "finding.verified": ("check", "pass"),
    "finding.judged": ("x", "fail"),
    "finding.send_back": ("undo-2", "fail"),
    "finding.revoke": ("undo-2", "fail"),
    "finding.reopen": ("undo-2", ""),
    "finding.expire": ("undo-2", ""),
    "finding.claim": ("clock", ""),
    "finding.commented": ("message-square", ""),
    "finding.comment_changed": ("message-square", ""),
    "finding.comment_removed": ("message-square", ""),
    "findings.exported": ("download", ""),
    "finding.assigned": ("user", ""),
    "finding.accept_risk": ("scale", ""),
    "finding.dismiss": ("ban", ""),
    "finding.disputed": ("scale", ""),
    "finding.evidence_added": ("target", ""),
    "finding.file_attached": ("upload", ""),
    "finding.severity_decided": ("flag", ""),
    "discovery_rule.expired": ("undo-2", ""),
    "discovery_rule.ended": ("undo-2", ""),
    "discovery_rule.taken_back": ("undo-2", ""),
    "remediation.proposed": ("git-pull-request", ""),
    "remediation.merged": ("git-merge", ""),
    "remediation.reviewed": ("users", ""),
    "remediation.waived": ("flag", ""),
    "remediation.waiver_revoked": ("undo-2", ""),
    "remediation.dispute_proposed": ("scale", ""),
    "remediation.dispute_confirmed": ("scale", ""),
    "remediation.dispute_withdrawn": ("undo-2", ""),
    "finding.revocation_recorded": ("key-round", ""),
    "remediation.proof_recorded": ("target", ""),
    "scope.standing_approval_given": ("bot", ""),
    "scope.standing_approval_ended": ("undo-2", ""),
    "scan.failed": ("x", "fail"),
    "scan.cancelled": ("ban", ""),
    "schedule.failed": ("x", "fail"),
    "scan.imported": ("radar", ""),
    "pipeline.added": ("upload", ""),
    "pipeline.ended": ("undo-2", ""),
    "token.issued": ("key-round", ""),
    "token.rotated": ("key-round", ""),
    "token.revoked": ("key-round", ""),
    "token.refused": ("ban", "fail"),
    "service_account.created": ("bot", ""),
    "service_account.ended": ("undo-2", ""),
}
SHOWN = {  # member of the data → what stands before it; in this order
    "check": "",
    "about": "about a ",
    "of": "its ",
    "state": "",
    "method": "",
    "outcome": "it ",
    "package": "",
    "version": "",
    "bots": "for ",
    "result": "",
    "cause": "cause ",
    "count": "findings: ",
    "format": "as ",
    "filter": "filter ",
    "party": "waiting for ",
    "title": "",
    "findings": "CTEM numbers ",
    "reason": "",
    "error": "",
    "evidence": "",
    "failing": "open checks: ",
    "decision": "",
    "until": "until ",
    "to": "to ",
    "user": "",
    "repository": "",
    "role": "as ",
    "name": "",
    "agent": "by ",
    "commit": "commit ",
    "head": "revision ",
    "rule": "",
    "path": "",
}
HASHES = ("commit", "head")
MOST = 5  # members of a list that are named


@dataclass(frozen=True, slots=True)
class Told:
    """One event as a page shows it: who did what, and what was said with it."""

    event: Event
    who: str
    what: str
    detail: str
    icon: str
    tone: str


def tell(events: Iterable[Event]) -> list[Told]:
    """Return events in words; their actors should have been read with them."""
    return [_told(event) for event in events]


def _told(event: Event) -> Told:
    icon, tone = LOOKS.get(event.action, ("link-2", ""))
    return Told(
        event=event,
        who=event.actor.display if event.actor else "CTEM",
        what=LABELS.get(event.action, event.action.replace("_", " ").replace(".", ": ")),
        detail=" · ".join(_details(event)),
        icon=icon,
        tone=tone,
    )


def _details(event: Event) -> Iterable[str]:
    moved = event.action.startswith("finding.") and "from" in event.data
    for name, before in SHOWN.items():
        if name in event.data and not (moved and name == "to"):
            text = _text(name, event.data[name])
            if text:
                yield before + text


def _text(name: str, value: Any) -> str:
    if name in HASHES:
        return str(value)[:12]
    if isinstance(value, dict):
        told = [f"{key.replace('_', ' ')} {_text(key, value[key]) or 'none'}" for key in value]
        return ", ".join(told[:MOST])
    if isinstance(value, list):
        more = f" and {len(value) - MOST} more" if len(value) > MOST else ""
        return ", ".join(map(str, value[:MOST])) + more
    return str(value or "").replace("_", " ") if name in ("to", "role") else str(value or "")
