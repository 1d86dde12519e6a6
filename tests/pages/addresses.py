"""Every page by its name, with what fills its address. The sweeps below hold it against the URLconf."""

from django.urls import reverse

from findings import weights
from gate.policy import DEFAULT

STRICTER = DEFAULT.to_toml().decode().replace('"default"', '"stricter"').replace(
    "reviewers = 1 ", "reviewers = 2 "
)  # fmt: skip

FLATTER = weights.DEFAULT.to_toml().replace('"default"', '"flat"').replace("= 60", "= 50")

SHOWN = {  # read by anybody who may read the scope
    "home": (),
    "profile": (),
    "tokens": (),
    "findings": (),
    "finding": ("open",),
    "findings-together": (),
    "finding-mobilizing": ("fresh",),
    "finding-pulls": ("fresh",),
    "asset-suggestions": ("asset",),
    "group": ("group",),
    "campaigns": (),
    "campaign": ("campaign",),
    "campaign-new": ("scope",),
    "proposal": ("proposal",),
    "proposal-patch": ("proposal",),
    "certificate": ("closed",),
    "certificate-key": ("closed",),
    "certificate-file": ("closed", "openvex"),
    "remediations": (),
    "remediation": ("fix",),
    "remediation-diff": ("fix",),
    "verification-queue": (),
    "verification": ("verification",),
    "scans": (),
    "scan": ("scan",),
    "scan-progress": ("scan",),
    "scan-raw": ("scan",),
    "scopes": (),
    "scope": ("scope",),
    "standing-approvals": ("scope",),
    "scope-policy": ("scope",),
    "discovery-rules": ("scope",),
    "finding-file": ("open", "1"),
    "scope-priority": ("scope",),
    "feeds": (),
    "scope-sla": ("scope",),
    "scope-settings": ("scope",),
    "scope-import": ("scope",),
    "assets": (),
    "asset": ("asset",),
    "coverage-gaps": (),
    "inbox": (),
    "inbox-report": ("report",),
    "asset-snippets": ("asset",),
    "asset-evidence": ("asset",),
    "integrations": (),
    "connection-new": (),
    "connection": ("connection",),
    "connection-progress": ("connection",),
    "webhooks": (),
    "webhook-new": (),
    "webhook": ("webhook",),
    "audit": (),
    "last-closed": (),
    "asset-move-in": ("asset",),
}
DOWNLOADS = (
    "proposal-patch",
    "finding-file",
    "certificate-key",
    "certificate-file",
    "remediation-diff",
    "scan-raw",
)
FRAGMENTS = ("scan-progress", "connection-progress", "finding-pulls")
OF_ROWS = tuple(name for name, needs in SHOWN.items() if needs)
# fmt: off
DONE = {  # name → (what fills the address, body): what changes something
    "finding-team": (("fresh",), {"team": ""}),
    "finding-merge": (("fresh",), {"findings": ["1"], "reason": "One call."}),
    "finding-proposals": (("fresh",), {}),
    "finding-pull": (("fresh",), {"number": "8"}),
    "group-split": (("group",), {"findings": ["1"], "reason": "Two calls."}),
    "group-rename": (("group",), {"title": "Parsing"}),
    "campaign-start": (("scope",), {"name": "No pickle", "goal": "None."}),
    "campaign-join": (("scope",), {"campaign": "1", "filter": "open=true"}),
    "campaign-change": (("campaign",), {"name": "No pickle", "goal": "None."}),
    "campaign-add": (("campaign",), {"filter": "open=true"}),
    "campaign-remove": (("campaign",), {"findings": ["1"], "reason": "Another team's."}),
    "campaign-end": (("campaign",), {"reason": "Reached."}),
    "findings-assign": (("scope",), {"filter": "open=true", "do": "assign"}),
    "proposal-take": (("proposal",), {"base_commit": "ab" * 20, "head_commit": "cd" * 20}),
    "proposal-decline": (("proposal",), {"reason": "It breaks the API."}),
    "finding-transition": (("fresh", "claim"), {"reason": "Fixed."}),
    "finding-comment": (("fresh",), {"body": "Look here."}),
    "finding-assign": (("fresh",), {"to": ""}),
    "finding-pause": (("fresh",), {"party": "A vendor", "reason": "A patch is due."}),
    "finding-resume": (("open",), {}),
    "finding-acceptance": (("fresh",), {"reason": "Switched off soon.", "until": "2099-01-01"}),
    "finding-dismissal": (("fresh",), {"reason": "A constant."}),
    "finding-evidence": (("fresh",), {"kind": "note", "text": "Seen."}),
    "finding-files": (("fresh",), {}),
    "finding-tags": (("fresh",), {"add": "pci, web", "remove": ""}),
    "finding-severity": (("fresh",), {"severity": "critical", "reason": "Exposed."}),
    "finding-dispute": (("fresh",), {"about": "severity", "reason": "Nobody reaches it."}),
    "finding-dispute-answer": (("disputed",), {"uphold": "no", "answer": "It is real."}),
    "finding-dispute-withdraw": (("disputed",), {}),
    "discovery-rule-try": (
        ("scope",),
        {"do": "make", "name": "Docs", "position": "1", "path": "docs/**", "tags": "docs", "last": "9"},
    ),
    "discovery-rule-approve": (("rule",), {}),
    "discovery-rule-apply": (("rule",), {}),
    "discovery-rule-end": (("rule",), {}),
    "decide-alone": (("scope",), {"rules_alone": "on"}),
    "remediation-review": (("fix",), {"decision": "approved", "commit": ""}),
    "remediation-verify": (("fix",), {}),
    "scan-cancel": (("scan",), {}),
    "verification-disposition": (
        ("verification",),
        {"rule": "B307", "path": "a.py", "decision": "accepted", "reason": "Known."},
    ),
    "verification-waiver": (
        ("verification",),
        {"check": "TESTS_INTACT", "reason": "A test of nothing.", "until": "2099-01-01",
         "covers": "finding"},
    ),
    "verification-dispute": (
        ("verification",),
        {"about": "match", "result": "scan-1.sarif#/runs/0/results/0", "reason": "Another one."},
    ),
    "waiver-revoke": (("waiver",), {"reason": "The test is back."}),
    "finding-revocation": (("fresh",), {"state": "revoked", "method": "Deleted."}),
    "remediation-proof": (("fix",), {"outcome": "fails", "finding": "0", "commit": "0"}),
    "standing-approval-give": (
        ("scope",),
        {"bots": "Dependabot", "ecosystems": "Python", "reason": "Tested.", "until": "2099-01-01"},
    ),
    "standing-approval-end": (("approval",), {"reason": "Not any more."}),
    "dispute-confirm": (("dispute",), {}),
    "dispute-withdraw": (("dispute",), {"reason": "I was wrong."}),
    "connection-change": (("connection",), {"name": "ACME", "mode": "block", "include": "*"}),
    "connection-key": (("connection",), {"key": "ghp_2"}),
    "connection-secret": (("connection",), {}),
    "connection-look": (("connection",), {}),
    "connection-end": (("connection",), {}),
    "webhook-change": (
        ("webhook",),
        {"name": "Chat", "url": "https://chat.example/", "actions": "*", "payload": "full"},
    ),
    "webhook-pause": (("webhook",), {}),
    "webhook-resume": (("webhook",), {}),
    "webhook-secret": (("webhook",), {}),
    "webhook-try": (("webhook",), {}),
    "webhook-end": (("webhook",), {}),
    "webhook-resend": (("webhook", "1"), {}),
    "scope-change": (
        ("scope",),
        {"name": "Shop", "criticality": "high", "exposure": "internet", "data_class": "internal",
         "fresh_days": "7"},
    ),
    "scope-import-run": (("scope",), {"text": "name\nbilling\n", "do": "import"}),
    "team-create": (("scope",), {"name": "Payments", "handle": "@acme/pay"}),
    "team-change": (("team",), {"name": "Billing", "handle": ""}),
    "team-end": (("team",), {}),
    "team-member-add": (("team",), {"username": "analyst"}),
    "team-member-remove": (("team",), {"username": "viewer"}),
    "asset-change": (("asset",), {"name": "shop", "kind": "service"}),
    "asset-link": (("asset",), {"kind": "runs_on", "target": "library"}),
    "asset-unlink": (("link",), {}),
    "asset-code-owners": (("asset",), {"path": "CODEOWNERS"}),
    "inbox-place": (("report",), {"asset": "library"}),
    "inbox-place-new": (("report",), {"name": "shop", "kind": "service"}),
    "inbox-reject": (("report",), {"reason": "Not ours."}),
    "token-revoke": (("token",), {}),
    "scope-priority-try": (("scope",), {"toml": FLATTER, "replaces": weights.DEFAULT.digest}),
    "scope-priority-put": (("scope",), {"toml": FLATTER, "replaces": weights.DEFAULT.digest}),
    "scope-policy-try": (("scope",), {"toml": STRICTER, "do": "replay", "replaces": DEFAULT.digest}),
    "asset-move-in-run": (("asset",), {"source": "csv", "do": "move"}),
    "scope-policy-put": (("scope",), {"toml": STRICTER, "replaces": DEFAULT.digest}),
}
# fmt: on
OPEN = ("sign-in", "sign-out")


def address(world, name):
    needs = SHOWN[name] if name in SHOWN else DONE[name][0]
    values = []
    for need in needs:
        row = getattr(world, need, need)
        values.append(row.slug if need == "scope" else getattr(row, "pk", row))
    return reverse(name, args=values)
