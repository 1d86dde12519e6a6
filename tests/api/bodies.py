"""A body that works for every operation that takes one, by operation id, and who may do it."""

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta

from core.permissions import Permission
from gate.policy import DEFAULT
from tests.code import code_with_tree, diff_of, facts_of, sarif_of
from tests.factories import code_of, fixed_code

P = Permission
TODAY = datetime.now(UTC).isoformat(timespec="seconds")
SOON = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
STRICTER = DEFAULT.to_toml().decode().replace('"default"', '"stricter"').replace(
    "reviewers = 1 ", "reviewers = 2 "
)  # fmt: skip
TELLS = (P.REVIEW, P.UPLOAD_SCAN)
# operation → what a member needs, or what a person and what a service needs (None: none may);
# None: see the test of its own
WRITES = {
    "assets_create": P.ADMINISTER,
    "scopes_create": P.ADMINISTER,
    "scopes_members_create": P.ADMINISTER,
    "scopes_policies_create": P.ADMINISTER,
    "scopes_policies_dry_run_create": P.ADMINISTER,
    "findings_assign_create": P.TRIAGE,
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
    "tokens_destroy": None,
    "tokens_revoke_create": None,
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
    "scopes_create": lambda w: {"name": "Warehouse", "slug": "warehouse"},
    "scopes_members_create": lambda w: {"username": w.viewer.username, "role": "developer"},
    "scopes_policies_create": lambda w: {"toml": STRICTER},
    "scopes_policies_dry_run_create": lambda w: {"toml": STRICTER, "last": 2},
    "findings_assign_create": lambda w: {"to": w.analyst.pk},
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
    "tokens_create": lambda w: {"name": "laptop", "scope": w.scope.pk},
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
