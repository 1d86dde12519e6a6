"""Every page by its name, with what fills its address. The sweeps below hold it against the URLconf."""

from django.urls import reverse

SHOWN = {  # read by anybody who may read the scope
    "home": (),
    "profile": (),
    "tokens": (),
    "findings": (),
    "finding": ("open",),
    "certificate": ("closed",),
    "certificate-envelope": ("closed",),
    "certificate-bundle": ("closed",),
    "certificate-key": ("closed",),
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
    "audit": (),
}
DOWNLOADS = (
    "certificate-envelope",
    "certificate-bundle",
    "certificate-key",
    "remediation-diff",
    "scan-raw",
)
FRAGMENTS = ("scan-progress",)
OF_ROWS = tuple(name for name, needs in SHOWN.items() if needs)
DONE = {  # name → (what fills the address, body): what changes something
    "finding-transition": (("fresh", "claim"), {"reason": "Fixed."}),
    "finding-comment": (("fresh",), {"body": "Look here."}),
    "finding-assign": (("fresh",), {"to": ""}),
    "finding-acceptance": (("fresh",), {"reason": "Switched off soon.", "until": "2099-01-01"}),
    "finding-dismissal": (("fresh",), {"reason": "A constant."}),
    "remediation-review": (("fix",), {"decision": "approved", "commit": ""}),
    "verification-disposition": (
        ("verification",),
        {"rule": "B307", "path": "a.py", "decision": "accepted", "reason": "Known."},
    ),
    "token-revoke": (("token",), {}),
}
OPEN = ("sign-in", "sign-out")


def address(world, name):
    needs = SHOWN[name] if name in SHOWN else DONE[name][0]
    values = []
    for need in needs:
        row = getattr(world, need, need)
        values.append(row.slug if need == "scope" else getattr(row, "pk", row))
    return reverse(name, args=values)
