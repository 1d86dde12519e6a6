"""A body that works for every operation that takes one, by operation id, and who may do it."""

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta

from core.permissions import Permission
from findings import weights
from gate.policy import DEFAULT
from tests.code import code_with_tree, diff_of, facts_of, sarif_of
from tests.factories import code_of, fixed_code
from tests.remediations.proposed import patch_of

P = Permission
TODAY = datetime.now(UTC).isoformat(timespec="seconds")
SOON = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
STRICTER = DEFAULT.to_toml().decode().replace('"default"', '"stricter"').replace(
    "reviewers = 1 ", "reviewers = 2 "
)  # fmt: skip
WEIGHTS = (
    weights.DEFAULT.to_toml()
    .replace('"default"', '"flat"')
    .replace("critical = 60", "critical = 50")
)
READS = {  # operation → what a member needs to read, where that is more than to read the scope
    "webhooks_retrieve": P.ADMINISTER,
    "webhooks_deliveries_list": P.ADMINISTER,
    "service_accounts_tokens_list": P.ADMINISTER,
    "invitations_retrieve": P.ADMINISTER,
}
TELLS = (P.REVIEW, P.UPLOAD_SCAN)
# operation → what a member needs, or what a person and what a service needs (None: none may);
# None: see the test of its own
WRITES = {
    "assets_create": P.ADMINISTER,
    "assets_partial_update": P.ADMINISTER,
    "assets_code_owners_create": P.UPLOAD_SCAN,
    "assets_move_in_create": P.ADMINISTER,
    "scopes_import_history_create": P.ADMINISTER,
    "asset_links_create": P.ADMINISTER,
    "asset_links_destroy": P.ADMINISTER,
    "teams_create": P.ADMINISTER,
    "teams_partial_update": P.ADMINISTER,
    "teams_destroy": P.ADMINISTER,
    "teams_members_create": P.ADMINISTER,
    "teams_remove_member_create": P.ADMINISTER,
    "inbox_place_create": P.UPLOAD_SCAN,
    "inbox_reject_create": P.ADMINISTER,
    "scopes_partial_update": P.ADMINISTER,
    "scopes_import_assets_create": P.ADMINISTER,
    "scopes_create": P.ADMINISTER,
    "scopes_members_create": P.ADMINISTER,
    "scopes_remove_member_create": P.ADMINISTER,
    "invitations_create": P.ADMINISTER,
    "invitations_withdraw_create": P.ADMINISTER,
    "scopes_policies_create": P.ADMINISTER,
    "scopes_priority_policies_create": P.ADMINISTER,
    "scopes_priority_policies_dry_run_create": P.ADMINISTER,
    "scopes_policies_dry_run_create": P.ADMINISTER,
    "scopes_sla_create": P.ADMINISTER,
    "pauses_create": P.TRIAGE,
    "pauses_end_create": P.TRIAGE,
    "discovery_rules_create": P.TRIAGE,
    "discovery_rules_dry_run_create": P.TRIAGE,
    "discovery_rules_replace_create": P.TRIAGE,
    "discovery_rules_approve_create": P.APPROVE,
    "discovery_rules_apply_create": P.TRIAGE,
    "discovery_rules_end_create": P.TRIAGE,
    "finding_disputes_answer_create": P.TRIAGE,
    "finding_disputes_withdraw_create": None,  # who made it
    "findings_attachments_create": None,  # a form
    "findings_disputes_create": P.CLAIM,
    "findings_evidence_create": P.TRIAGE,
    "findings_severity_create": P.TRIAGE,
    "findings_tags_create": P.TRIAGE,
    "scopes_decision_policy_create": P.ADMINISTER,
    "findings_assign_create": P.TRIAGE,
    "findings_bulk_assign_create": None,
    "views_create": P.TRIAGE,
    "views_partial_update": P.TRIAGE,
    "views_destroy": P.TRIAGE,
    "findings_comments_change_create": None,  # who wrote it
    "findings_comments_remove_create": None,
    "campaigns_create": P.TRIAGE,
    "campaigns_change_create": P.TRIAGE,
    "campaigns_findings_create": P.TRIAGE,
    "campaigns_findings_remove_create": P.TRIAGE,
    "campaigns_end_create": P.TRIAGE,
    "groups_create": P.TRIAGE,
    "groups_split_create": P.TRIAGE,
    "groups_rename_create": P.TRIAGE,
    "proposals_create": P.PROPOSE_FIX,
    "proposals_take_create": P.PROPOSE_FIX,
    "proposals_decline_create": P.PROPOSE_FIX,
    "repositories_pull_requests_create": P.PROPOSE_FIX,
    "findings_comments_create": P.CLAIM,
    "findings_dismissals_create": P.TRIAGE,
    "findings_risk_acceptances_create": P.TRIAGE,
    "findings_transitions_create": P.CLAIM,
    "findings_bulk_transitions_create": None,
    "gate_create": P.PROPOSE_FIX,
    "remediations_create": P.PROPOSE_FIX,
    "remediations_push_create": P.PROPOSE_FIX,
    "remediations_merge_create": P.PROPOSE_FIX,
    "remediations_deploy_create": P.PROPOSE_FIX,
    "remediations_judge_create": P.PROPOSE_FIX,
    "remediations_withdraw_create": P.PROPOSE_FIX,
    "remediations_reviews_create": P.REVIEW,
    "remediations_verify_create": P.UPLOAD_SCAN,
    "recipes_create": P.ADMINISTER,
    "schedules_create": P.ADMINISTER,
    "schedules_destroy": P.ADMINISTER,
    "scans_cancel_create": P.UPLOAD_SCAN,
    "remediations_waivers_create": P.APPROVE,
    "remediations_disputes_create": P.DISPOSE,
    "findings_revocations_create": TELLS,
    "remediations_proofs_create": TELLS,
    "releases_create": (None, P.UPLOAD_SCAN),
    "standing_approvals_create": P.APPROVE,
    "standing_approvals_end_create": P.APPROVE,
    "waivers_revoke_create": P.APPROVE,
    "disputes_confirm_create": P.APPROVE,
    "disputes_withdraw_create": P.DISPOSE,
    "trackers_create": P.ADMINISTER,
    "trackers_change_create": P.ADMINISTER,
    "trackers_check_create": P.ADMINISTER,
    "trackers_preview_create": P.CLAIM,
    "trackers_key_create": P.ADMINISTER,
    "trackers_webhook_secret_create": P.ADMINISTER,
    "trackers_end_create": P.ADMINISTER,
    "tickets_create": P.CLAIM,
    "tickets_unlink_create": P.CLAIM,
    "webhooks_create": P.ADMINISTER,
    "reports_create": P.TRIAGE,
    "webhooks_change_create": P.ADMINISTER,
    "webhooks_pause_create": P.ADMINISTER,
    "webhooks_resume_create": P.ADMINISTER,
    "webhooks_rotate_secret_create": P.ADMINISTER,
    "webhooks_test_create": P.ADMINISTER,
    "webhooks_end_create": P.ADMINISTER,
    "webhooks_deliveries_resend_create": P.ADMINISTER,
    "connections_create": P.ADMINISTER,
    "connections_change_create": P.ADMINISTER,
    "connections_key_create": P.ADMINISTER,
    "connections_webhook_secret_create": P.ADMINISTER,
    "connections_look_create": P.TRIAGE,
    "connections_end_create": P.ADMINISTER,
    "pipeline_identities_create": P.ADMINISTER,
    "pipeline_identities_end_create": P.ADMINISTER,
    "scans_create": P.UPLOAD_SCAN,
    "scans_order_create": P.UPLOAD_SCAN,
    "verifications_dispositions_create": P.DISPOSE,
    "tokens_create": None,
    "me_notifications_create": None,
    "tokens_destroy": None,
    "tokens_revoke_create": None,
    "tokens_rotate_create": None,
    "service_accounts_create": P.ADMINISTER,
    "service_accounts_end_create": P.ADMINISTER,
    "service_accounts_tokens_create": None,  # by administrators, signed in
}


def packed(report):
    """A report as JSON bodies hold it."""
    data = report if isinstance(report, bytes) else json.dumps(report).encode()
    return base64.b64encode(gzip.compress(data)).decode()


def fix_body(line, *findings, **more):
    """What a pipeline tells of a good fix of these findings."""
    base, head = code_of(line), fixed_code(line, *findings)
    return {
        "title": "Parse instead of evaluating",
        "base_commit": base.commit, "base_tree": base.tree,
        "head_commit": head.commit, "head_tree": head.tree,
        "diff": diff_of(base, head).decode(),
        "commits": [{"id": head.commit, "message": "Parse\n", "author": "dev <d@example.org>"}],
        **more,
    }  # fmt: skip


def body_of(operation, world):
    """Return a body with which the operation works in this world (None: it takes none)."""
    return BODIES[operation](world) if operation in BODIES else None


BODIES = {
    "assets_create": lambda w: {"scope": w.scope.pk, "name": "mobile"},
    "assets_partial_update": lambda w: {"team": w.team.pk, "environment": "production"},
    "assets_code_owners_create": lambda w: {"text": "* @acme/web\n", "path": "CODEOWNERS"},
    "assets_move_in_create": lambda w: {
        "source": "csv", "tool": "Bandit",
        "text": "key,rule,severity,path\nA-1,B307,high,app/moved.py\n"},
    "scopes_import_history_create": lambda w: {
        "source": "csv", "asset": w.asset.pk,
        "text": "key,title,state,closed_at\nA-2,Gone,fixed,2026-01-31\n"},
    "asset_links_create": lambda w: {
        "asset": w.asset.pk, "kind": "runs_on", "target": w.link.target_id},
    "teams_create": lambda w: {"scope": w.scope.pk, "name": "Payments", "handle": "@acme/pay"},
    "teams_partial_update": lambda w: {"name": "Web team", "handle": "@acme/web-team"},
    "teams_members_create": lambda w: {"username": w.viewer.username},
    "teams_remove_member_create": lambda w: {"username": w.viewer.username},
    "inbox_place_create": lambda w: {"asset": w.asset.pk},
    "inbox_reject_create": lambda w: {"reason": "Not ours."},
    "scopes_partial_update": lambda w: {"owner_team": w.team.pk, "criticality": "high"},
    "scopes_import_assets_create": lambda w: {"text": "name\nbilling\n", "format": "csv"},
    "scopes_create": lambda w: {"name": "Warehouse", "slug": "warehouse"},
    "scopes_remove_member_create": lambda w: {"username": w.viewer.username},
    "invitations_create": lambda w: {
        "scope": w.scope.pk, "email": "new.one@example.org", "role": "viewer"},
    "scopes_members_create": lambda w: {"username": w.viewer.username, "role": "developer"},
    "scopes_policies_create": lambda w: {"toml": STRICTER},
    "scopes_priority_policies_create": lambda w: {"toml": WEIGHTS},
    "scopes_priority_policies_dry_run_create": lambda w: {"toml": WEIGHTS},
    "scopes_policies_dry_run_create": lambda w: {"toml": STRICTER, "last": 2},
    "scopes_sla_create": lambda w: {
        "days": {"high": 20}, "stage_days": {"discovered": {"high": 2}}, "counts": "business",
        "warn_days": 5, "time_zone": "Europe/Berlin", "working_days": [1, 2, 3, 4, 5],
        "holidays": ["2026-12-25"]},
    "pauses_create": lambda w: {"finding": w.fresh.pk, "party": "A vendor", "reason": "A patch is due."},
    "discovery_rules_create": lambda w: {
        "scope": w.scope.pk, "name": "Docs", "conditions": {"path": ["docs/**"]},
        "actions": {"tags": ["docs"]}, "reason": "No code."},
    "discovery_rules_dry_run_create": lambda w: {
        "scope": w.scope.pk, "conditions": {"path": ["app/**"]},
        "actions": {"severity": "low"}, "last": 2},
    "discovery_rules_replace_create": lambda w: {
        "name": "Noise", "conditions": {"path": ["tests/**"]}, "actions": {"severity": "low"}},
    "finding_disputes_answer_create": lambda w: {"uphold": False, "answer": "It is real."},
    "findings_disputes_create": lambda w: {"about": "severity", "reason": "Nobody reaches it."},
    "findings_evidence_create": lambda w: {"kind": "note", "text": "Seen."},
    "findings_severity_create": lambda w: {"severity": "critical", "reason": "Exposed."},
    "findings_tags_create": lambda w: {"add": ["web"], "remove": ["pci"]},
    "scopes_decision_policy_create": lambda w: {
        "dismissals_alone": True, "acceptances_alone": False, "rules_alone": False},
    "findings_assign_create": lambda w: {"to": w.analyst.pk},
    "findings_bulk_assign_create": lambda w: {
        "to": w.analyst.pk, "findings": [w.open.pk, w.fresh.pk]},
    "reports_create": lambda w: {"scope": w.scope.pk, "period": "week"},
    "views_create": lambda w: {
        "scope": w.scope.pk, "name": "What is late", "filter": "due=overdue", "columns": ["due"]},
    "views_partial_update": lambda w: {"name": "What is grave", "columns": []},
    "findings_comments_change_create": lambda w: {"body": "Looked at it twice."},
    "campaigns_create": lambda w: {
        "scope": w.scope.pk, "name": "No pickle", "goal": "Nothing is unpickled."},
    "campaigns_change_create": lambda w: {"goal": "Nothing is parsed by hand."},
    "campaigns_findings_create": lambda w: {"findings": [w.closed.pk]},
    "campaigns_findings_remove_create": lambda w: {
        "findings": [w.fresh.pk], "reason": "Another team's."},
    "campaigns_end_create": lambda w: {"reason": "Reached."},
    "groups_create": lambda w: {
        "findings": [w.open.pk, w.fresh.pk], "reason": "One parser."},
    "groups_split_create": lambda w: {"findings": [w.fresh.pk], "reason": "Two parsers."},
    "groups_rename_create": lambda w: {"title": "Parsing"},
    "proposals_create": lambda w: {
        "asset": w.asset.pk, "line": w.line.name, "text": patch_of(w.fresh, "return other(x)")},
    "proposals_take_create": lambda w: {
        "base_commit": "ab" * 20, "head_commit": "cd" * 20, "findings": [w.fresh.pk]},
    "proposals_decline_create": lambda w: {"reason": "It breaks the API."},
    "repositories_pull_requests_create": lambda w: {"number": 8, "findings": [w.open.pk]},
    "findings_comments_create": lambda w: {"body": "Looked at it."},
    "findings_dismissals_create": lambda w: {"reason": "The argument is a constant."},
    "findings_risk_acceptances_create": lambda w: {"reason": "Goes away.", "until": "2099-01-01"},
    "findings_transitions_create": lambda w: {"name": "claim", "reason": "Fixed."},
    "findings_bulk_transitions_create": lambda w: {
        "name": "claim", "reason": "Fixed.", "findings": [w.open.pk, w.fresh.pk]},
    "gate_create": lambda w: {
        "asset": w.asset.pk, "findings": [w.fresh.pk], "fix": fix_body(w.line, w.fresh), "scans": []},
    "remediations_create": lambda w: {
        "asset": w.asset.pk, "findings": [w.fresh.pk], **fix_body(w.line, w.fresh)},
    "remediations_push_create": lambda w: {"head_commit": "ab" * 20},
    "remediations_merge_create": lambda w: {"merge_commit": "ab" * 20},
    "remediations_deploy_create": lambda w: {"deployed_at": "2026-01-02T03:04:05Z"},
    "remediations_withdraw_create": lambda w: {"reason": "Another one is better."},
    "remediations_reviews_create": lambda w: {"decision": "approved", "commit": w.fix.head_commit},
    "remediations_verify_create": lambda w: {"recipe": "bandit"},
    "recipes_create": lambda w: {
        "scope": w.scope.pk, "name": "own", "tool_class": "sast", "command": ["own", "{out}"]},
    "schedules_create": lambda w: {"asset": w.asset.pk, "recipe": "bandit", "hour": 2},
    "remediations_waivers_create": lambda w: {
        "check": "RULE_ACTIVE", "finding": w.open.pk, "until": SOON, "reason": "Renamed."},
    "remediations_disputes_create": lambda w: {
        "about": "match", "finding": w.open.pk, "result": "scan-1.sarif#/runs/0/results/0",
        "reason": "Another call."},
    "findings_revocations_create": lambda w: {
        "method": "Deleted at the provider.", "evidence": "HTTP 401"},
    "remediations_proofs_create": lambda w: {
        "finding": w.open.pk, "outcome": "fails", "evidence": "exploit.log"},
    "releases_create": lambda w: {
        "scope": w.scope.pk, "package": "pkg:npm/lodash", "version": "4.17.21", "exists": True,
        "evidence": "registry.example.org"},
    "standing_approvals_create": lambda w: {
        "scope": w.scope.pk, "bots": ["Dependabot"], "ecosystems": ["npm"], "until": SOON,
        "reason": "Versions are tested."},
    "standing_approvals_end_create": lambda w: {"reason": "Not any more."},
    "trackers_create": lambda w: {
        "scope": w.scope.pk, "kind": "jira", "name": "Other", "base": "https://jira.example",
        "project": "SEC", "key": "T0KEN"},
    "trackers_change_create": lambda w: {"name": "Another", "reopens": "never"},
    "trackers_key_create": lambda w: {"key": "T0KEN-2"},
    "trackers_preview_create": lambda w: {"finding": w.open.pk},
    "tickets_create": lambda w: {"finding": w.closed.pk, "connection": w.tracker.pk},
    "webhooks_create": lambda w: {
        "scope": w.scope.pk, "name": "Other", "url": "https://hooks.example/in",
        "actions": ["finding.*"], "payload": "thin"},
    "webhooks_change_create": lambda w: {"name": "Another", "actions": ["*"]},
    "connections_create": lambda w: {
        "scope": w.scope.pk, "forge": "gitlab", "name": "Other", "account": "other", "key": "glpat-1"},
    "connections_change_create": lambda w: {"name": "ACME", "include": ["acme/*"]},
    "connections_key_create": lambda w: {"key": "ghp_2"},
    "waivers_revoke_create": lambda w: {"reason": "The rule is on again."},
    "disputes_withdraw_create": lambda w: {"reason": "I was wrong."},
    "pipeline_identities_create": lambda w: {
        "asset": w.asset.pk, "issuer": "https://gitlab.com", "repository": "acme/web",
        "repository_id": "51", "workflow": "gitlab.com/acme/web//.gitlab-ci.yml",
        "ref": "refs/heads/main"},
    "scans_create": lambda w: {
        "asset": w.asset.pk, "line": w.line.name, "facts": facts_of(code_of(w.line)),
        "sarif_gzip_base64": packed(sarif_of(code_of(w.line)))},
    "scans_order_create": lambda w: {"asset": w.asset.pk, "recipe": "bandit", "commit": "ab" * 20},
    "verifications_dispositions_create": lambda w: {
        "rule": "B307", "path": "app/new.py", "line": 3, "decision": "accepted", "reason": "Known."},
    "me_notifications_create": lambda w: {"time_zone": "Europe/Berlin", "digest_hour": 7},
    "tokens_create": lambda w: {"name": "laptop", "scopes": [w.scope.pk]},
    "tokens_rotate_create": lambda w: {"overlap_days": 2},
    "service_accounts_create": lambda w: {
        "scope": w.scope.pk, "name": "Another bridge", "role": "ticketing",
    },
    "service_accounts_tokens_create": lambda w: {"name": "key", "permissions": ["claim"]},
}  # fmt: skip


def told_of(code):
    """The facts of a scan that a pipeline made just now; the same for the same code."""
    return {**facts_of(code), "started_at": TODAY, "finished_at": TODAY}


def upload_body(asset, code, **target):
    """A scan of ``code`` as JSON."""
    return {
        "asset": asset.pk,
        "facts": told_of(code),
        "sarif_gzip_base64": packed(sarif_of(code)),
        **target,
    }


def head_of(fix):
    return code_with_tree(fix.head_tree)
