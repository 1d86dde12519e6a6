"""Run in a process of its own with a real database: makes a scope, uploads, tells how scans stand."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctem.settings")
django.setup()

from django.utils import timezone  # noqa: E402

from core.models import Job, User  # noqa: E402
from findings.models import Finding  # noqa: E402
from scans.models import Scan  # noqa: E402
from scans.results import pointers  # noqa: E402
from scans.services.uploads import upload_scan  # noqa: E402
from scopes.services import create_asset, create_scope  # noqa: E402


def report(results):
    """A report with ``results`` distinct results, each in a file of its own."""
    rows = [
        {
            "ruleId": f"R{n % 7}",
            "level": "warning",
            "message": {"text": f"weakness {n}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": f"src/file{n}.py"},
                        "region": {"startLine": n % 90 + 1, "snippet": {"text": f"call_{n}(x)"}},
                    }
                }
            ],
        }
        for n in range(results)
    ]
    run = {
        "tool": {"driver": {"name": "Probe", "version": "1"}},
        "invocations": [{"executionSuccessful": True}],
        "results": rows,
    }
    return json.dumps({"version": "2.1.0", "runs": [run]}).encode()


def upload(results):
    """Make people, a scope and an asset on first use; upload; print the scan's id."""
    now = timezone.now()
    owner = User.objects.filter(username="owner").first()
    if owner is None:
        owner = User.objects.create_user("owner")
        scope = create_scope(name="Probe", slug="probe", by=owner, at=now)
        create_asset(scope=scope, name="repo", by=owner, at=now)
    asset = owner.memberships.get().scope.assets.get()
    scan, _ = upload_scan(
        asset=asset, line=asset.lines.get(), data=report(results), facts={"scope": "full"},
        by=owner, at=now,
    )  # fmt: skip
    return {"scan": scan.pk}


def state():
    """How everything stands."""
    return {
        "scans": dict(Scan.objects.values_list("pk", "state")),
        "jobs": list(Job.objects.values_list("state", "attempts")),
        "findings": Finding.objects.count(),
        "seen": sum(map(len, pointers(Scan.objects.values_list("pk", flat=True)).values())),
    }


if __name__ == "__main__":
    answer = upload(int(sys.argv[2])) if sys.argv[1] == "upload" else state()
    sys.stdout.write(json.dumps(answer) + "\n")
