"""Every page by its name, with what fills its address. The sweeps below hold it against the URLconf."""

from django.urls import reverse

from gate.policy import DEFAULT

STRICTER = DEFAULT.to_toml().decode().replace('"default"', '"stricter"').replace(
    "reviewers = 1 ", "reviewers = 2 "
)  # fmt: skip

SHOWN = {  # read by anybody who may read the scope
    "home": (),
    "profile": (),
    "tokens": (),
    "findings": (),
    "finding": ("open",),
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
    "asset-snippets": ("asset",),
    "asset-evidence": ("asset",),
    "integrations": (),
    "connection-new": (),
    "connection": ("connection",),
    "connection-progress": ("connection",),
    "audit": (),
}
DOWNLOADS = (
    "certificate-key",
    "certificate-file",
    "remediation-diff",
    "scan-raw",
)
FRAGMENTS = ("scan-progress", "connection-progress")
OF_ROWS = tuple(name for name, needs in SHOWN.items() if needs)
# fmt: off
DONE = {  # name → (what fills the address, body): what changes something
    "finding-transition": (("fresh", "claim"), {"reason": "Fixed."}),
    "finding-comment": (("fresh",), {"body": "Look here."}),
    "finding-assign": (("fresh",), {"to": ""}),
    "finding-acceptance": (("fresh",), {"reason": "Switched off soon.", "until": "2099-01-01"}),
    "finding-dismissal": (("fresh",), {"reason": "A constant."}),
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
    "token-revoke": (("token",), {}),
    "scope-policy-try": (("scope",), {"toml": STRICTER, "do": "replay", "replaces": DEFAULT.digest}),
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
