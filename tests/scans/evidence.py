"""Findings of other scanners, and what is said of them beside the scans, for the tests of both."""

from datetime import timedelta
from types import SimpleNamespace

from core.permissions import Role
from findings.models import Finding
from remediations.models import Proof, Release, SecretRevocation, StandingApproval
from scans.services.proofs import record_proof
from scans.services.releases import record_release
from scans.services.secrets import record_revocation
from scans.services.standing import end_standing_approval, give_standing_approval
from tests.code import Code, facts_of
from tests.factories import (
    default_line,
    make_asset,
    make_remediation,
    member,
    now,
    upload_and_ingest,
)

HASH = "0123456789abcdef0123456789abcdef"
SECRET = Code({"app/settings.py": f'DEBUG = False\nAPI_KEY = "{HASH}"\n', "app/main.py": "x = 1\n"})
NO_SECRET = SECRET.change({"app/settings.py": "DEBUG = False\nAPI_KEY = environ['KEY']\n"})
UNSAFE = Code({"app/view.py": "def show(name):\n    return render(name)\n"})
SAFE = UNSAFE.change({"app/view.py": "def show(name):\n    return render(escape(name))\n"})
DEPENDABOT = "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>"
GITHUB = "GitHub <noreply@github.com>"
SCANNERS = {  # driver, rule, level, what it looks for, class
    "secrets": ("gitleaks", "8.21.2", "generic-api-key", "error", HASH),
    "agentic": ("Raptor", "1.0.0", "xss", "error", "render(name)"),
    "sca": ("Trivy", "0.67.2", "CVE-2021-23337", "error", '"4.17.20"'),
    "low": ("Trivy", "0.67.2", "CVE-2020-28500", "note", '"4.17.20"'),
}


def report_of(code, kind):
    """What the scanner of this kind says of the code: one result for each line it knows."""
    name, version, rule, level, word = SCANNERS[kind]
    text = ("Package: lodash\nInstalled Version: 4.17.20\nVulnerability " + rule + "\nFixed Version: 4.17.21"
            if name == "Trivy" else f"{rule} found.")  # fmt: skip
    found = [
        {"ruleId": rule, "level": level, "message": {"text": text},
         "locations": [{"physicalLocation": {
             "artifactLocation": {"uri": path},
             "region": {"startLine": number, "snippet": {"text": f"{line}\n"}}}}]}
        for path, content in sorted(code.files.items())
        for number, line in enumerate(content.splitlines(), start=1) if word in line
    ]  # fmt: skip
    rules = [{"id": rule, "shortDescription": {"text": rule}}]
    return {
        "version": "2.1.0",
        "runs": [{"tool": {"driver": {"name": name, "semanticVersion": version, "version": version,
                                      "rules": rules}},
                  "invocations": [{"executionSuccessful": True}], "results": found}],
    }  # fmt: skip


def told_of(code, kind, **more):
    rules = [SCANNERS[kind][2]]
    kind = "sca" if kind == "low" else kind
    return {**facts_of(code), "tool_class": kind, "exit_code": 0, "rules": rules, **more}


def scan(asset, code, kind, **target):
    more = target.pop("facts", {})
    return upload_and_ingest(asset, report_of(code, kind), told_of(code, kind, **more), **target)


def import_of(kind, code, asset=None):
    """A finding as an import leaves it."""
    asset = asset or make_asset()
    scan(asset, code, kind, line=default_line(asset))
    return Finding.objects.select_related("scope", "asset", "line").get(asset=asset)


def fix_from(finding, base, head, **details):
    """A fix of a finding from one revision to another."""
    return make_remediation(finding, code=head, base=base, **details)


def secret_finding(asset=None):
    return import_of("secrets", SECRET, asset)


def secret_fix(finding, **details):
    """A fix that takes the secret out, scanned."""
    fix = fix_from(finding, SECRET, NO_SECRET, **details)
    scan(fix.asset, NO_SECRET, "secrets", remediation=fix)
    return fix


def agentic_finding(asset=None):
    return import_of("agentic", UNSAFE, asset)


def manifests(version, extra=""):
    lock = ('{\n  "name": "shop",\n  "lockfileVersion": 3,\n  "packages": {\n    "node_modules/lodash": {\n'
            f'      "version": "{version}",\n      "resolved": "https://registry.example.org/lodash/-/lodash-{version}.tgz"\n'
            "    }\n  }\n}\n")  # fmt: skip
    package = f'{{\n  "name": "shop",\n  "dependencies": {{ "lodash": "^{version}" }}\n}}\n'
    return Code({"package-lock.json": lock, "package.json": package, "README.md": f"x{extra}\n"})


def bump(finding, **details):
    """Dependabot's fix of a finding in lodash 4.17.20, scanned."""
    old, new = manifests("4.17.20"), manifests("4.17.21")
    fix = fix_from(
        finding, old, new, by=member(finding.scope, Role.PIPELINE), author=DEPENDABOT,
        commits=[{"id": new.commit, "message": "Bump lodash from 4.17.20 to 4.17.21\n",
                  "author": DEPENDABOT, "committer": GITHUB}], **details,
    )  # fmt: skip
    kind = "low" if finding.level == "note" else "sca"
    scan(fix.asset, new, kind, remediation=fix)
    return fix


def revoke_secret(finding, by=None, **more):
    by = by or member(finding.scope, Role.ANALYST)
    given = {"method": "Deleted the key in the console of the provider.", "at": now(), **more}
    return record_revocation(finding=finding, by=by, **given)


def approve_bumps(scope, by=None, **more):
    by = by or member(scope, Role.APPROVER)
    given = {"bots": ["Dependabot"], "ecosystems": ["npm"], "reason": "Versions are tested.",
             "until": (now() + timedelta(days=90)).date(), "at": now(), **more}  # fmt: skip
    return give_standing_approval(scope=scope, by=by, **given)


def said_of(fix):
    """One row of each as it stands with a fix that is done: rows to look at, no evidence.

    For worlds that need one of everything; what they do is tested where they are given.
    """
    scope, at, finding = fix.scope, now(), fix.findings.first()
    common = {"scope": scope, "as_of": at, "at": at}
    by = {"by": member(scope, Role.ANALYST), "source": "declared"}
    SecretRevocation.objects.create(**common, **by, finding=finding, method="Deleted.")
    Proof.objects.create(
        **common, **by, remediation=fix, finding=finding, base_commit=fix.base_commit,
        commit=fix.head_commit, outcome="fails",
    )  # fmt: skip
    Release.objects.create(
        **common, by=member(scope, Role.PIPELINE), source="fetched", evidence="registry",
        package="pkg:npm/lodash", version="4.17.21", exists=True,
    )  # fmt: skip
    StandingApproval.objects.create(
        scope=scope, bots=["Dependabot"], ecosystems=["JavaScript"], reason="Tested.", at=at,
        since=at.date(), until=(at + timedelta(days=9)).date(), by=member(scope, Role.APPROVER),
    )  # fmt: skip


def build_world():
    """A secret with a fix and words of a person and a service, a proof, a look-up, approvals."""
    w = SimpleNamespace()
    w.finding = secret_finding()
    w.scope, w.elsewhere = w.finding.scope, agentic_finding()
    w.fix = secret_fix(w.finding)
    w.analyst, w.approver = member(w.scope, Role.ANALYST), member(w.scope, Role.APPROVER)
    w.pipeline = member(w.scope, Role.PIPELINE)
    w.word = revoke_secret(w.finding)
    w.fetched = revoke_secret(w.finding, w.pipeline, evidence="HTTP 401", committed_at=now())
    w.agentic = agentic_finding(make_asset(w.scope))
    w.other_fix = fix_from(w.agentic, UNSAFE, SAFE)
    w.proof = record_proof(
        remediation=w.other_fix, finding=w.agentic, outcome="fails", by=w.analyst, at=now()
    )
    w.release = record_release(
        scope=w.scope, package="pkg:npm/lodash", version="4.17.21", exists=True,
        evidence="registry.example.org", by=w.pipeline, at=now(),
    )  # fmt: skip
    w.approval, ended = approve_bumps(w.scope), approve_bumps(w.scope)
    w.ended = end_standing_approval(approval=ended, reason="No.", by=w.approver, at=now())
    return w
