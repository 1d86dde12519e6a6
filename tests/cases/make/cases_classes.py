# ruff: noqa: E501 - what a case is called and shows stays on its line
"""Other classes of findings: dependencies, images, secrets, infrastructure, agents; other engines."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from cases_setups import push, start
from history import Content
from scanners import finding, shaped
from sources import SHELL_REF, SHOP, TAR_VIEWS, VIEWS
from story import Case, Workshop, review

GOOD = {"app/views.py": TAR_VIEWS}
SAME = {"app/views.py": VIEWS + "# fixed\n"}


def tell(shop: Workshop) -> None:
    """All of them."""
    dependencies(shop)
    secrets(shop)
    infrastructure(shop)
    engines(shop)
    agents(shop)


def lock(version: str, extra: str = "") -> str:
    """A package-lock.json with one dependency; the integrity stands for what npm writes."""
    mark = {"4.17.20": "PlhdFcillOINfeV7Ni6oF1TAEayyZBoZ8bcshTHqOYJYlrqzRK5hagpagky5o4HfCzzd1TRkXPMFq6cKk9rGmA==",
            "4.17.19": "JNvd8XER9GQX0v2qJgsaN/mzFCNA5BRe/j8JN9d+tWyGLSodKQHKFicdwNYzWwI3wjRnaKPsGj1XkBjx/F96DQ=="}  # fmt: skip
    sure = mark.get(
        version,
        "v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg==",
    )
    return (
        '{\n  "name": "shop",\n  "lockfileVersion": 3,\n  "packages": {\n    "node_modules/lodash": {\n'
        f'      "version": "{version}",\n      "resolved": "https://packages.example/lodash/-/lodash-{version}.tgz",\n'
        f'      "integrity": "sha512-{sure}"\n    }}{extra}\n  }}\n}}\n'
    )


def package(version: str) -> str:
    return f'{{\n  "name": "shop",\n  "dependencies": {{ "lodash": "{version}" }}\n}}\n'


NODE = {
    "README.md": "# Shop\n",
    "package.json": package("4.17.20"),
    "package-lock.json": lock("4.17.20"),
}
CVES = {
    "CVE-2021-23337": {
        "level": "error",
        "security-severity": "7.2",
        "tags": ["vulnerability", "security", "HIGH"],
    },
    "CVE-2020-28500": {
        "level": "warning",
        "security-severity": "5.3",
        "tags": ["vulnerability", "security", "MEDIUM"],
    },
}


def advisory(cve: str, version: str, fixed: str = "4.17.21") -> dict[str, Any]:
    text = f"Package: lodash\nInstalled Version: {version}\nVulnerability {cve}\nSeverity: HIGH\nFixed Version: {fixed}\nLink: [{cve}](https://avd.aquasec.com/nvd/{cve.lower()})"
    return finding(
        cve, "package-lock.json", 6, text=text, level=CVES.get(cve, {}).get("level", "error")
    )


def trivy(*results: dict[str, Any], **run: Any) -> dict[str, Any]:
    """Trivy lists the rules that fired, no fingerprint, and the version in the message."""
    rules = {
        row["ruleId"]: CVES.get(row["ruleId"], {"level": "error", "security-severity": "8.1"})
        for row in results
    }
    roots = {"originalUriBaseIds": {"ROOTPATH": {"uri": "file:///home/runner/work/shop/shop/"}}}
    for row in results:
        row["locations"][0]["physicalLocation"]["artifactLocation"]["uriBaseId"] = "ROOTPATH"
    report = shaped("Trivy", "0.67.2", results, rules, **{**roots, **run})
    report["runs"][0].pop("invocations")
    return report


def dependencies(shop: Workshop) -> None:
    refs = ["CVE-2021-23337@package-lock.json:6"]
    bump = {"package.json": package("4.17.21"), "package-lock.json": lock("4.17.21")}

    def one(
        name: str,
        kind: str,
        title: str,
        change: Mapping[str, Content | None],
        after: Sequence[dict[str, Any]],
        **more: Any,
    ) -> Case:
        setup = more.pop("setup", "GitHub, Trivy workflow")
        case = start(shop, name, kind, title, change, refs, base=NODE, setup=setup, **more)
        old = [advisory("CVE-2021-23337", "4.17.20"), advisory("CVE-2020-28500", "4.17.20")]
        push(case, "before", case.base, trivy(*copy.deepcopy(old)), category="trivy", exit_code=0)
        push(case, "after", case.merge, trivy(*after), category="trivy", exit_code=0)
        return case

    one("good-trivy-bump", "good", "Bumped to the version with the fix", bump, []).expect(
        shows="The lock file names the new version with its integrity, and the scan of that lock file knows nothing of it."
    )
    bot = "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>"
    message = "Bump lodash from 4.17.20 to 4.17.21\n\nBumps lodash from 4.17.20 to 4.17.21.\n"
    case = one(
        "good-dependabot-bump",
        "good",
        "Dependabot's request, approved by a person",
        bump,
        [],
        message=message,
        author=bot,
        setup="GitHub, Dependabot and Trivy",
    )
    case.expect(shows="A dependency bot is automation, no AI: the tier stays.")
    case = one(
        "bad-dependabot-unapproved",
        "bad",
        "Dependabot's request, merged by itself",
        bump,
        [],
        message=message,
        author=bot,
    )
    case.facts["reviews"] = [review(case.head, "dependabot[bot]", "bot")]
    case.expect(right="fail", stops="HUMAN_REVIEW")
    one("bad-bump-still-vulnerable", "bad", "Bumped, but not far enough", {"package.json": package("4.17.19"), "package-lock.json": lock("4.17.19")},
        [advisory("CVE-2021-23337", "4.17.19")]).expect("fail", stops="ORIGINAL_ABSENT", shows="Same advisory, same package; only the version in the message differs.")  # fmt: skip
    one("bad-bump-other-advisory", "bad", "The new version has an advisory of its own", bump, [advisory("CVE-2025-99999", "4.17.21", "4.18.1")]).expect(
        "fail", stops="NOTHING_NEW"
    )  # fmt: skip
    one("bad-bump-lock-untouched", "bad", "Only package.json is changed", {"package.json": package("4.17.21")},
        [advisory("CVE-2021-23337", "4.17.20")]).expect("fail", stops="ORIGINAL_ABSENT")  # fmt: skip
    one("bad-bump-lock-not-scanned", "bad", "Only package.json is changed, and the lock file not scanned", {"package.json": package("4.17.21")}, []).expect(
        "unknown", stops="CLASS_SPECIFIC", shows="Nothing shows which version is installed now."
    )  # fmt: skip
    one("bad-bump-downgrade", "bad", "A version from before the advisory's range", {"package.json": package("3.0.0"), "package-lock.json": lock("3.0.0")}, []).expect(
        "unknown", stops="CLASS_SPECIFIC", shows="Older is not repaired: nobody looks at versions that old."
    )  # fmt: skip
    one("bad-bump-invented-version", "bad", "A version that nobody released", {"package.json": package("4.99.0"), "package-lock.json": lock("4.99.0")}, []).expect(
        "unknown", stops="CLASS_SPECIFIC", shows="No scanner knows anything bad of a version that does not exist; the advisory does not name it either."
    )  # fmt: skip
    copy_left = (
        ',\n    "node_modules/old/node_modules/lodash": {\n      "version": "4.17.20"\n    }'
    )
    one("bad-bump-copy-left", "bad", "A transitive copy is still resolved", {"package.json": package("4.17.21"), "package-lock.json": lock("4.17.21", copy_left)},
        [advisory("CVE-2021-23337", "4.17.20")]).expect("fail", stops="ORIGINAL_ABSENT")  # fmt: skip
    one("bad-trivyignore", "bad", ".trivyignore names the advisory", {".trivyignore": "CVE-2021-23337\n"}, []).expect(
        "fail", "unknown", stops="NO_NEW_SUPPRESSION"
    )  # fmt: skip
    one("bad-openvex", "bad", "A VEX document says not affected", {"shop.openvex.json": '{"statements": [{"status": "not_affected"}]}\n'}, []).expect(
        "fail", "unknown", stops="NO_NEW_SUPPRESSION"
    )  # fmt: skip


def secrets(shop: Workshop) -> None:
    settings = 'REGION = "eu-central-1"\nNAME = "shop"\nTOKEN = "not-a-real-token-4f1c9aa0"\n'
    base, rules = (
        {**SHOP, "app/settings.py": settings},
        {"generic-api-key": {"level": "error"}},
    )
    gone = {"app/settings.py": settings.rpartition("TOKEN")[0] + 'TOKEN = os.environ["TOKEN"]\n'}
    gone["app/settings.py"] = "import os\n\n" + gone["app/settings.py"]

    def one(
        name: str, kind: str, title: str, change: Mapping[str, Content | None], **run: Any
    ) -> Case:
        case = start(
            shop,
            name,
            kind,
            title,
            change,
            "generic-api-key@app/settings.py:3",
            base=base,
            setup="Gitleaks workflow",
        )
        marks = {
            "commitSha": case.base.commit,
            "email": "dev@example.org",
            "author": "Dev",
            "date": "2026-11-19T09:00:00Z",
            "commitMessage": "Base",
        }
        old = finding(
            "generic-api-key",
            "app/settings.py",
            3,
            text="generic-api-key has detected secret for file app/settings.py.",
            partialFingerprints=marks,
        )
        push(
            case,
            "before",
            case.base,
            shaped("Gitleaks", "8.28.0", [old], rules, invocations=...),
            category="gitleaks",
            exit_code=1,
        )
        push(
            case,
            "after",
            case.merge,
            shaped("Gitleaks", "8.28.0", run.get("after", []), rules, invocations=...),
            category="gitleaks",
            exit_code=0,
        )
        return case

    one("good-secret-removed", "good", "The token is out of the code", gone).expect(
        "unknown", stops="CLASS_SPECIFIC", cause="a secret that was committed stays in the history, and whether it was revoked is in no scan",
        owner="whoever owns the account at the provider: revoke it, and an approver records that as a waiver of CLASS_SPECIFIC",
    )  # fmt: skip
    case = one("good-secret-revoked", "good", "Out of the code, and revoked", gone)
    case.stock = False
    case.setup = "Gitleaks workflow, revocation recorded"
    case.facts["waivers"] = [{"check": "CLASS_SPECIFIC", "by": "Noor Haddad <noor@example.org>", "until": "2027-11-20",
                              "reason": "Revoked at the provider on 2026-11-20, ticket SEC-31"}]  # fmt: skip
    case.expect()
    case = one("bad-secret-waived-by-fixer", "bad", "The fixer says that it is revoked", gone)
    case.facts["waivers"] = [
        {
            "check": "CLASS_SPECIFIC",
            "by": "dev@example.org",
            "until": "2027-11-20",
            "reason": "Revoked",
        }
    ]
    case.expect("unknown", stops="CLASS_SPECIFIC", shows="A waiver is never given by the fixer.")
    line = settings.splitlines()[2]
    one(
        "bad-gitleaks-allow",
        "bad",
        "gitleaks:allow",
        {"app/settings.py": settings.replace(line, f"{line}  # gitleaks:allow")},
    ).expect("fail", stops="NO_NEW_SUPPRESSION")
    one(
        "bad-gitleaksignore",
        "bad",
        ".gitleaksignore names the finding",
        {".gitleaksignore": "app/settings.py:generic-api-key:3\n"},
    ).expect("fail", "unknown", stops="NO_NEW_SUPPRESSION")
    case = one(
        "bad-detect-secrets-baseline",
        "bad",
        "The baseline takes the secret in",
        {".secrets.baseline": '{"results": {"app/settings.py": [{"line_number": 3}]}}\n'},
    )
    as_tool(case, "detect-secrets", "1.5.0").expect("fail", "unknown", stops="NO_NEW_SUPPRESSION")
    case = one(
        "bad-allowlist-pragma",
        "bad",
        "pragma: allowlist secret",
        {"app/settings.py": settings.replace(line, f"{line}  # pragma: allowlist secret")},
    )
    as_tool(case, "detect-secrets", "1.5.0").expect("fail", stops="NO_NEW_SUPPRESSION")


def as_tool(case: Case, name: str, version: str) -> Case:
    """The case with another tool's name on its reports."""
    for report in (*case.before, *case.after):
        report["runs"][0]["tool"]["driver"] |= {"name": name, "semanticVersion": version}
    case.setup = f"{name} workflow"
    return case


def infrastructure(shop: Workshop) -> None:
    open_port = 'resource "aws_security_group" "shop" {\n  ingress {\n    from_port   = 22\n    cidr_blocks = ["0.0.0.0/0"]\n  }\n}\n'
    base, rules = {"infra/main.tf": open_port}, {"CKV_AWS_24": {"level": "error"}}
    old = finding(
        "CKV_AWS_24",
        "infra/main.tf",
        1,
        text="Ensure no security groups allow ingress from 0.0.0.0:0 to port 22",
        snippet=open_port,
    )

    def one(name: str, kind: str, title: str, text: str, *after: dict[str, Any]) -> Case:
        case = start(
            shop,
            name,
            kind,
            title,
            {"infra/main.tf": text},
            "CKV_AWS_24@infra/main.tf:1",
            base=base,
            setup="Checkov workflow",
        )
        push(
            case,
            "before",
            case.base,
            shaped("Checkov", "3.2.489", [old], rules, invocations=...),
            category="checkov",
            exit_code=1,
        )
        push(
            case,
            "after",
            case.merge,
            shaped("Checkov", "3.2.489", after, {}, invocations=...),
            category="checkov",
            exit_code=0,
        )
        return case

    one(
        "good-checkov", "good", "The port is closed", open_port.replace("0.0.0.0/0", "10.0.0.0/8")
    ).expect()
    one(
        "bad-checkov-skip",
        "bad",
        "#checkov:skip",
        open_port.replace("{\n  ing", "{\n  #checkov:skip=CKV_AWS_24:later\n  ing"),
    ).expect("fail", stops="NO_NEW_SUPPRESSION")
    zizmor(shop)


def zizmor(shop: Workshop) -> None:
    flow = "name: docs\non: [push]\njobs:\n  docs:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@v4\n      - run: make docs\n"
    base = {".github/workflows/docs.yml": flow}
    pinned = flow.replace("@v4", "@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v4.3.0")
    case = start(shop, "good-workflow-finding", "good", "The finding's own workflow is pinned", {".github/workflows/docs.yml": pinned},
                 "zizmor/unpinned-uses@.github/workflows/docs.yml:7", base=base, setup="zizmor workflow")  # fmt: skip
    rules = {"zizmor/unpinned-uses": {"level": "error"}}
    old = finding(
        "zizmor/unpinned-uses",
        ".github/workflows/docs.yml",
        7,
        text="unpinned action reference",
        level="error",
    )
    push(case, "before", case.base, shaped("zizmor", "1.16.2", [old], rules), category="zizmor")
    push(case, "after", case.merge, shaped("zizmor", "1.16.2", [], {}), category="zizmor")
    scan = flow + "  scan:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: zizmor .\n"
    dropped = start(shop, "bad-workflow-finding-drops-scan", "bad", "Pinned, and the scan job is gone", {".github/workflows/docs.yml": pinned},
                    "zizmor/unpinned-uses@.github/workflows/docs.yml:7", base={".github/workflows/docs.yml": scan}, setup="zizmor workflow")  # fmt: skip
    push(
        dropped, "before", dropped.base, shaped("zizmor", "1.16.2", [old], rules), category="zizmor"
    )
    push(dropped, "after", dropped.merge, shaped("zizmor", "1.16.2", [], {}), category="zizmor")
    dropped.expect("fail", stops="SCANNER_CONFIG_UNTOUCHED")
    case.expect(
        shows="A workflow may be changed where it is the file of the finding and no scanner job is near."
    )


def engines(shop: Workshop) -> None:
    case = shop.case(
        "bad-other-engine-without-control",
        "bad",
        "Found by Bandit, verified by Semgrep alone",
        SHOP,
        GOOD,
        SHELL_REF,
    )
    case.after, case.facts["after"] = [], []
    shop.add(case, "after", case.merge, "semgrep")
    case.expect(
        "unknown",
        stops="SAME_CLASS",
        shows="Same class, but nothing shows that it sees this weakness.",
    )
    case = shop.case(
        "good-other-engine-with-control",
        "good",
        "Verified by Semgrep, with a control",
        SHOP,
        GOOD,
        SHELL_REF,
    )
    case.after, case.facts["after"] = [], []
    shop.add(case, "after", case.merge, "semgrep")
    shop.add(case, "control", case.base, "semgrep")
    case.expect(shows="Semgrep on the base reports the same weakness at the same place.")
    case = shop.case(
        "good-two-scanners",
        "good",
        "Two scanners, each judges its own",
        SHOP,
        GOOD,
        [SHELL_REF, "python-shell-true@app/views.py:7"],
    )
    shop.add(case, "before", case.base, "semgrep")
    shop.add(case, "after", case.merge, "semgrep")
    case.expect()
    case = shop.case(
        "bad-nosonar",
        "bad",
        "NOSONAR, and a tool that reads it",
        SHOP,
        {"app/views.py": VIEWS.replace("True)", "True)  # NOSONAR")},
        SHELL_REF,
    )
    for report in (*case.before, *case.after):
        report["runs"][0]["tool"]["driver"] |= {
            "name": "SonarQube",
            "version": "2026.1",
            "semanticVersion": "2026.1.0",
        }
    case.after[0]["runs"][0]["results"] = [
        r for r in case.after[0]["runs"][0]["results"] if r["ruleId"] != "B602"
    ]
    for role in ("before", "after"):
        case.fact(f"{role}.0.tool_class", "sast").fact(f"{role}.0.exit_code", 0)
    case.expect("fail", stops="NO_NEW_SUPPRESSION")


def agentic(
    at: Any, *results: dict[str, Any], model: str = "mdash-2", told: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """An agentic scanner's report by the AI profile: origin, base CWE as rule, no fingerprints."""
    driver = {"name": "MDASH", "semanticVersion": "1.4.0", "rules": [{"id": "CWE-78"}]}
    return {"version": "2.1.0", "runs": [{
        "tool": {"driver": driver, "extensions": [{"name": model, "version": "1"}]},
        "properties": {"ai/origin": "generated"},
        "versionControlProvenance": [{"repositoryUri": "https://example.org/shop", "revisionId": at.commit}],
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": list(told)}],
        "artifacts": [{"location": {"uri": path}, "roles": ["analysisTarget"]} for path in at.files],
        "results": list(results),
    }]}  # fmt: skip


def agents(shop: Workshop) -> None:
    hit = finding(
        "CWE-78/shell-from-folder",
        "app/views.py",
        7,
        text="The folder reaches a shell.",
        level="error",
        properties={"ai/exploitability": "poc"},
    )
    ref = "CWE-78/shell-from-folder@app/views.py:7"

    def one(
        name: str,
        kind: str,
        title: str,
        *,
        change: Mapping[str, Content | None] = GOOD,
        after: Sequence[Any] = (),
        runs: int = 1,
        model: str = "mdash-2",
        control: bool = True,
    ) -> Case:
        case = shop.case(name, kind, title, SHOP, change, ref, tool="")
        case.setup = "agentic scanner in the pipeline"
        add(case, "before", case.base, hit)
        for run in range(runs):
            add(case, "after", case.merge, *after, run=run, model=model)
        if control:
            add(case, "control", case.base, hit, model=model)
        return case

    def add(
        case: Case,
        role: str,
        at: Any,
        *results: dict[str, Any],
        run: int = 0,
        model: str = "mdash-2",
    ) -> None:
        report = agentic(at, *copy.deepcopy(list(results)), model=model)
        report["runs"][0]["automationDetails"] = {
            "guid": f"00000000-0000-4000-8000-00000000000{run}"
        }
        getattr(case, role).append(report)
        facts = {"commit": at.commit, "tree": at.tree, "parents": list(at.parents), "scope": "full", "exit_code": 0, "vendor": "Example",
                 "finished_at": "2026-11-20T11:00:00Z", "model": model, "agent_run": f"scan-{role}-{run}", "source": "measured"}  # fmt: skip
        case.facts.setdefault(role, []).append(facts)

    one("good-agentic", "good", "Agentic finding, verified by a run of the same scanner").expect(
        shows="At the medium tier, one clean run and a control."
    )
    case = by_ai(
        one(
            "good-agentic-same-vendor",
            "good",
            "Copilot fixed, the same vendor's scanner verified",
            runs=2,
        )
    )
    case.expect(
        shows="The same vendor is recorded, not failed: another model, another run, twice clean, and a control."
    )
    case = by_ai(one("bad-agentic-one-run", "bad", "Only one clean run at the high tier"))
    case.expect(
        "unknown",
        stops="ORIGINAL_ABSENT",
        shows="An agentic scanner does not see everything every time.",
    )
    case = by_ai(
        one(
            "bad-agentic-own-model",
            "bad",
            "The fixer's own model verifies",
            runs=2,
            model="copilot-7",
        )
    )
    case.expect("fail", stops="INDEPENDENCE")
    one("bad-agentic-no-control", "bad", "A clean run, and no control", control=False).expect(
        "unknown", stops="POSITIVE_CONTROL"
    )
    again = finding(
        "CWE-78/command-from-path",
        "app/views.py",
        7,
        text="A path ends in a command line.",
        level="error",
    )
    one(
        "bad-agentic-other-words",
        "bad",
        "The same weakness in other words",
        change=SAME,
        after=[again],
    ).expect(
        "fail",
        stops="ORIGINAL_ABSENT",
        shows="The free part of the rule id and the text differ; the base CWE is compared.",
    )
    case = one("bad-agentic-gap", "bad", "The scanner says that it left the rule out")
    gap = {
        "descriptor": {"id": "RULE-COVERAGE-GAP"},
        "associatedRule": {"id": "CWE-78"},
        "level": "warning",
        "message": {"text": "Budget used up"},
    }
    case.after[0]["runs"][0]["invocations"][0]["toolExecutionNotifications"] = [gap]
    case.expect("unknown", stops="RULE_ACTIVE")
    case = one(
        "good-agentic-other-vendor", "good", "Verified by another vendor's scanner, with a control"
    )
    for report in (*case.after, *case.control):
        report["runs"][0]["tool"]["driver"] |= {"name": "Audit Agent", "semanticVersion": "3.0.0"}
        for result in report["runs"][0]["results"]:
            result["taxa"] = [{"id": "78", "toolComponent": {"name": "CWE"}}]
    case.expect(shows="Another engine of the class, which reports the original on the base.")


def by_ai(case: Case) -> Case:
    """The case as a fix by an agent, with the reviews that the high tier asks for."""
    answers = dict.fromkeys(
        ("root_cause_removed", "variants_considered", "behaviour_kept"), "yes, looked at by hand"
    )
    case.facts["reviews"] = [
        review(case.head, answers=answers),
        review(case.head, "Noor Haddad <noor@example.org>", answers=answers),
    ]
    return (
        case.fact("fix.origin", "ai_generated")
        .fact("fix.agent", "GitHub Copilot coding agent")
        .fact("fix.model", "copilot-7")
    )
