# ruff: noqa: E501 - what a case is called and shows stays on its line
"""Set-ups that anybody has without editing a pipeline: what a code host keeps is all there is.

The facts are those a connector reads: commit and tree, category, time; no configuration digest,
no exit status, no command. CodeQL, Trivy, Dependabot and GitLab reports are in the tools' shapes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from cases_people import ANSWERS, AUTOFIX
from history import Content, Revision, Tree
from scanners import CODEQL_RULES, codeql, finding, shaped
from sources import (
    EVAL_REF,
    FIXED_RENDER,
    FIXED_SQL,
    FIXED_STORE,
    FIXED_VIEWS,
    SHELL,
    SHOP,
    STORE,
    TAR_VIEWS,
    VIEWS,
    WEB,
)  # fmt: skip
from story import Case, Workshop, changed, fetched, review

CODEQL = "GitHub, CodeQL default set-up"
SHELL_RULE, SQL_RULE = "py/command-line-injection", "py/sql-injection"
WEAK_RULE = "py/weak-sensitive-data-hashing"
SHELL_REF, SQL_REF = f"{SHELL_RULE}@app/views.py:7", f"{SQL_RULE}@app/store.py:11"
CART = 'CLEAN = {"a": "a"}\n\n\ndef folder_of(name):\n    return name\n'
CODE = ("app/store.py", "app/views.py", "tests/test_views.py")
GOOD = {"app/views.py": TAR_VIEWS}


def shell(path: str = "app/views.py", line: int = 7, code: str = SHELL) -> dict[str, Any]:
    """CodeQL's result about the shell, with the hash that GitHub knows it by."""
    marks = {
        "primaryLocationLineHash": "7c9c2d1f0e5ab41a:1",
        "primaryLocationStartColumnFingerprint": "4",
    }
    return finding(SHELL_RULE, path, line, text="This command line depends on a user-provided value.",
                   snippet=f"    return {code}", partialFingerprints=marks)  # fmt: skip


def sql() -> dict[str, Any]:
    marks = {"primaryLocationLineHash": "51be3fb29c8d7e02:1"}
    return finding(SQL_RULE, "app/store.py", 11, text="This SQL query depends on a user-provided value.",
                   partialFingerprints=marks)  # fmt: skip


def tell(shop: Workshop) -> None:
    """All of them."""
    codeql_default(shop)
    codeql_bad(shop)
    quietened_between(shop)
    semgrep_ci(shop)
    gitlab(shop)
    others(shop)
    eslint(shop)


def start(
    shop: Workshop, name: str, kind: str, title: str, change: Mapping[str, Content | None],
    findings: str | Sequence[str] = SHELL_REF, *, base: Tree = SHOP, setup: str = CODEQL, merged: str = "merge",
    **more: Any,
) -> Case:  # fmt: skip
    """A case of a stock set-up, still without scans."""
    case = shop.case(name, kind, title, base, change, findings, tool="", merged=merged, **more)
    case.setup, case.stock = setup, True
    return case


def push(case: Case, role: str, at: Revision, report: Any, **facts: Any) -> None:
    """A push scan of the main line, as the code host keeps it."""
    getattr(case, role).append(copy.deepcopy(report))
    case.facts.setdefault(role, []).append(fetched(at, role, **facts))


def request(shop: Workshop, case: Case, report: Any, **facts: Any) -> None:
    """The scan of the pull request: of the test merge, limited to the diff."""
    test = shop.history.commit(
        changed(case.base.files, case.head.files), message="Merge", parents=[case.base, case.head]
    )
    report = copy.deepcopy(report)
    report["runs"][0]["properties"] = {"incrementalMode": "diff-informed,overlay"}
    push(case, "after", test, report, scope="diff", **facts)


def both(
    case: Case, before: Sequence[Any], after: Sequence[Any], files: Sequence[str] = CODE
) -> Case:
    """CodeQL's push scans of the base and of the merge."""
    push(case, "before", case.base, codeql(before, CODE))
    push(case, "after", case.merge, codeql(after, files))
    return case


def codeql_default(shop: Workshop) -> None:
    case = start(
        shop, "good-codeql-default", "good", "Push scan of the default branch after the merge", GOOD
    )
    both(case, [shell(), sql()], [sql()])
    case.expect(
        shows="No configuration digest is known: the recipe is tool, version and rule ids with levels."
    )
    case = start(
        shop,
        "good-codeql-squash",
        "good",
        "Squashed, then scanned by the push",
        GOOD,
        merged="squash",
    )
    both(case, [shell(), sql()], [sql()]).expect()
    case = start(shop, "good-codeql-both-scans", "good", "Pull-request scan and push scan", GOOD)
    request(shop, case, codeql([], CODE))
    both(case, [shell(), sql()], [sql()]).expect(
        shows="The diff-informed scan stands beside the full one and does no harm."
    )
    case = start(shop, "good-codeql-base-moved", "good", "Another request landed first", GOOD)
    ahead = shop.history.commit(
        {**SHOP, "app/cart.py": "def cart():\n    return []\n"},
        message="Merge #6",
        parents=[case.base],
    )
    landed = shop.history.commit(
        changed(ahead.files, GOOD), message="Merge #7", parents=[ahead, case.head]
    )
    onto(shop, case, ahead, landed)
    both(case, [shell(), sql()], [sql()], (*CODE, "app/cart.py"))
    case.expect(
        shows="Both are push scans: of the merge and of its first parent, and the diff is between those."
    )
    case = start(shop, "good-codeql-one-scan-for-two", "good", "Two merges, one push scan", GOOD)
    later = shop.history.commit(
        changed(case.merge.files, {"app/store.py": FIXED_SQL}),
        message="Merge #8",
        parents=[case.merge],
    )
    request(shop, case, codeql([], CODE))
    push(case, "before", case.base, codeql([shell(), sql()], CODE), blobs=case.base.blobs)
    push(case, "after", later, codeql([], CODE), blobs=later.blobs)
    case.fact("fix.merge_blobs", case.merge.blobs)
    case.expect(
        shows="The second push cancelled the first scan; the fixed file is the same blob in both commits."
    )
    case = start(shop, "good-codeql-two-findings", "good", "Two findings, one request",
                 {"app/views.py": FIXED_VIEWS, "app/store.py": FIXED_STORE}, [SHELL_REF, SQL_REF])  # fmt: skip
    both(case, [shell(), sql()], []).expect()
    case = start(
        shop,
        "good-codeql-older-finding",
        "good",
        "Found by an older scan than that of the base",
        GOOD,
    )
    before = shop.history.commit({**SHOP, "README.md": "# The shop\n"}, message="Earlier")
    push(case, "before", before, codeql([shell(), sql()], CODE, version="2.22.1"))
    both(case, [shell(), sql()], [sql()])
    case.findings = ["before.sarif#/runs/0/results/0"]
    case.expect(
        shows="The frozen original of an older CodeQL is followed to the scan of the base, and from there through the diff."
    )
    codeql_reviewed(shop)


def codeql_reviewed(shop: Workshop) -> None:
    """Renamed, written by an AI, upstream of the finding, and with another CodeQL."""
    case = start(shop, "good-codeql-renamed", "good", "Fixed, and the file renamed",
                 {"app/views.py": None, "app/orders.py": FIXED_VIEWS})  # fmt: skip
    both(
        case, [shell(), sql()], [sql()], ("app/store.py", "app/orders.py", "tests/test_views.py")
    ).expect()
    case = start(
        shop,
        "good-codeql-autofix",
        "good",
        "Copilot Autofix, reviewed by two",
        {"app/views.py": FIXED_VIEWS},
        message=AUTOFIX,
    )
    both(case, [shell(), sql()], [sql()])
    case.facts["reviews"] = [
        review(case.head, answers=ANSWERS),
        review(case.head, "Noor Haddad <noor@example.org>", answers=ANSWERS),
    ]
    case.expect(
        shows="The vendor that wrote the fix also made the engine; the engine is deterministic and the host ran it."
    )
    case = start(shop, "good-codeql-finding-in-flow", "good", "The fix is upstream of the finding", {"app/cart.py": CART.replace("return name", "return CLEAN[name]")},
                 base={**SHOP, "app/cart.py": CART})  # fmt: skip
    hit = {**shell(), "codeFlows": [{"threadFlows": [{"locations": [{"location": {"physicalLocation": {
        "artifactLocation": {"uri": "app/cart.py"}, "region": {"startLine": 5}}}}]}]}]}  # fmt: skip
    push(case, "before", case.base, codeql([hit, sql()], (*CODE, "app/cart.py")))
    push(case, "after", case.merge, codeql([sql()], (*CODE, "app/cart.py")))
    case.expect(
        shows="The file of the sink is untouched; the data flow explains why another one changed."
    )
    rules = {**CODEQL_RULES, "py/cookie-injection": {"level": "error", "security-severity": "5.0"}}
    case = start(
        shop,
        "good-codeql-newer-with-new-rule",
        "good",
        "CodeQL was updated in between and has a new rule",
        GOOD,
    )
    push(case, "before", case.base, codeql([shell(), sql()], CODE, version="2.23.3"))
    fresh = finding(
        "py/cookie-injection", "app/store.py", 6, text="A cookie is made from user input."
    )
    push(case, "after", case.merge, codeql([sql(), fresh], CODE, rules=rules))
    case.expect("unknown", stops="POSITIVE_CONTROL", shows="The new rule's result is the tool's doing, not the fix's.",
                cause="the base was never scanned by the newer CodeQL, so nothing shows that it still sees the original",
                owner="the code host: it updates CodeQL between two pushes; scan the base again, or wait for the policy's owner to accept equal rules")  # fmt: skip
    case = start(shop, "good-codeql-newer-low", "good", "CodeQL was updated, the finding is a warning", {"app/store.py": FIXED_STORE},
                 "py/weak-sensitive-data-hashing@app/store.py:6")  # fmt: skip
    weak = finding(
        "py/weak-sensitive-data-hashing", "app/store.py", 6, text="A weak hash of sensitive data."
    )
    push(case, "before", case.base, codeql([shell(), sql(), weak], CODE, version="2.23.3"))
    push(case, "after", case.merge, codeql([shell()], CODE))
    case.expect(
        shows="At the low tier no control is asked; the inventory shows that the rule is still on."
    )
    case = start(
        shop,
        "good-codeql-pull-request-only-new",
        "good",
        "Only what is new, from the pull request's scan",
        GOOD,
        [],
        merged="open",
    )
    request(shop, case, codeql([], CODE))
    case.expect(
        shows="Without a finding, a diff-limited scan answers the one question that it can."
    )


def onto(shop: Workshop, case: Case, base: Revision, merge: Revision) -> None:
    """The case as a fix that went from another base to another merge commit."""
    case.base, case.merge, case.diff = base, merge, shop.history.diff(base, merge)
    for role, revision in (("base", base), ("merge", merge)):
        case.fact(f"fix.{role}_commit", revision.commit).fact(f"fix.{role}_tree", revision.tree)


def codeql_bad(shop: Workshop) -> None:
    same = {"app/views.py": VIEWS + "# fixed\n"}
    case = start(
        shop,
        "bad-codeql-diff-informed",
        "bad",
        "Only the pull request's scan, which is diff-informed",
        {"app/store.py": STORE + "# fixed\n"},
    )
    push(case, "before", case.base, codeql([shell(), sql()], CODE))
    request(shop, case, codeql([], CODE))
    case.expect(
        "fail",
        "unknown",
        stops="SCAN_SCOPE",
        shows="The original lies outside the changed lines and is therefore not in the answer.",
    )
    case = start(
        shop, "bad-codeql-query-filtered", "bad", "The repository's settings drop the query", same
    )
    rules = {name: rule for name, rule in CODEQL_RULES.items() if name != SHELL_RULE}
    push(case, "before", case.base, codeql([shell(), sql()], CODE))
    push(case, "after", case.merge, codeql([sql()], CODE, rules=rules))
    case.expect(
        "fail",
        stops="RULE_ACTIVE POSITIVE_CONTROL",
        shows="CodeQL lists every rule that was on, and this one was not.",
    )
    case = start(shop, "bad-codeql-level-lowered", "bad", "The rule is a note now", same)
    rules = {
        **CODEQL_RULES,
        SQL_RULE: {**CODEQL_RULES[SQL_RULE], "level": "note", "security-severity": "2.0"},
    }
    push(case, "before", case.base, codeql([shell(), sql()], CODE))
    push(case, "after", case.merge, codeql([sql()], CODE, rules=rules))
    case.expect(
        "fail", stops="SEVERITY_STABLE", shows="Levels must not be lowered between the scans."
    )
    case = start(
        shop, "bad-codeql-other-category", "bad", "The push scan is of the JavaScript leg", same
    )
    push(case, "before", case.base, codeql([shell(), sql()], CODE))
    push(
        case,
        "after",
        case.merge,
        codeql([], ["web/render.js"], automationDetails={"id": "/language:javascript/"}),
    )
    case.expect(
        "fail", stops="SCAN_SCOPE ORIGINAL_ABSENT", shows="A clean leg for another language."
    )
    case = start(shop, "bad-codeql-path-ignored", "bad", "codeql-config.yml ignores the folder",
                 {".github/codeql/codeql-config.yml": "paths-ignore:\n  - app\n"})  # fmt: skip
    both(case, [shell(), sql()], [], ["tests/test_views.py"])
    case.expect("fail", "unknown", stops="SCANNER_CONFIG_UNTOUCHED FILES_ANALYSED")
    case = start(shop, "bad-codeql-suppressed", "bad", "A codeql[...] comment and no result",
                 {"app/views.py": VIEWS.replace("    return sub", f"    # codeql[{SHELL_RULE}]\n    return sub")})  # fmt: skip
    both(case, [shell(), sql()], [sql()]).expect("fail", stops="NO_NEW_SUPPRESSION")
    case = start(shop, "bad-codeql-same-line-comment", "bad", "A comment on the line changes GitHub's hash",
                 {"app/views.py": VIEWS.replace("shell=True)", "shell=True)  # reviewed")})  # fmt: skip
    again = shell()
    again["partialFingerprints"] = {"primaryLocationLineHash": "e1a0b3c4d5f60718:1"}
    both(case, [shell(), sql()], [again, sql()]).expect(
        "fail",
        stops="ORIGINAL_ABSENT",
        shows="GitHub would show the old alert as fixed and open another.",
    )
    case = start(
        shop,
        "bad-codeql-flow-reopened",
        "bad",
        "The change opens a flow into a sink elsewhere",
        {**GOOD, "app/cart.py": "def read(name):\n    return name\n"},
    )
    path = finding(
        "py/path-injection", "app/store.py", 10, text="This path depends on a user-provided value."
    )
    step = {
        "location": {
            "physicalLocation": {
                "artifactLocation": {"uri": "app/cart.py"},
                "region": {"startLine": 2},
            }
        }
    }
    path["codeFlows"] = [{"threadFlows": [{"locations": [step]}]}]
    both(case, [shell(), sql()], [sql(), path], (*CODE, "app/cart.py"))
    case.expect(
        "fail",
        "unknown",
        stops="NOTHING_NEW SCOPE_OF_CHANGE",
        shows="The sink is in an untouched file; the data flow passes through the changed one.",
    )


def quietened_between(shop: Workshop) -> None:
    """Other commits than the fix lie between the scans, and one of them blinds the scanner."""
    same = {"app/views.py": VIEWS + "# fixed\n"}
    case = start(
        shop,
        "bad-codeql-blinded-by-another-commit",
        "bad",
        "Another commit ignores the folder before the main scan",
        same,
    )
    config = {".github/codeql/codeql-config.yml": "paths-ignore:\n  - app\n"}
    later = shop.history.commit(
        changed(case.merge.files, config), message="Merge #8", parents=[case.merge]
    )
    request(shop, case, codeql([], CODE))
    push(case, "before", case.base, codeql([shell(), sql()], CODE), blobs=case.base.blobs)
    push(case, "after", later, codeql([], ["tests/test_views.py"]), blobs=later.blobs)
    case.fact("fix.merge_blobs", case.merge.blobs)
    case.expect(
        "fail",
        stops="FILES_ANALYSED POSITIVE_CONTROL",
        shows="The diff of the fix is clean; the blobs and the list of files are not.",
    )
    case = start(shop, "bad-semgrep-blinded-by-another-commit", "bad", "Another commit adds .semgrepignore before the main scan", same,
                 "python-shell-true@app/views.py:7", setup="Semgrep CI")  # fmt: skip
    later = shop.history.commit(
        changed(case.merge.files, {".semgrepignore": "app/\n"}),
        message="Merge #8",
        parents=[case.merge],
    )
    request(shop, case, shop.scan(case.head, "semgrep").report, category="semgrep")
    case.after[0]["runs"][0]["results"] = []
    push(
        case,
        "before",
        case.base,
        shop.scan(case.base, "semgrep").report,
        category="semgrep",
        blobs=case.base.blobs,
    )
    push(
        case,
        "after",
        later,
        shop.scan(later, "semgrep").report,
        category="semgrep",
        blobs=later.blobs,
    )
    case.fact("fix.merge_blobs", case.merge.blobs)
    case.expect("unknown", stops="POSITIVE_CONTROL")
    weak = finding(WEAK_RULE, "app/store.py", 6, text="A weak hash of sensitive data.")
    case = start(
        shop, "bad-low-tier-blinded-by-another-commit", "bad", "The same where no control is asked",
        {"app/store.py": STORE + "# fixed\n"}, f"{WEAK_RULE}@app/store.py:6",
    )  # fmt: skip
    later = shop.history.commit(
        changed(case.merge.files, config), message="Merge #8", parents=[case.merge]
    )
    request(shop, case, codeql([], CODE))
    push(case, "before", case.base, codeql([shell(), sql(), weak], CODE), blobs=case.base.blobs)
    push(case, "after", later, codeql([], ["tests/test_views.py"]), blobs=later.blobs)
    case.fact("fix.merge_blobs", case.merge.blobs)
    case.expect(
        "fail",
        stops="FILES_ANALYSED",
        shows="The request's scan looked at the file but answers only new; the main scan did not look at it.",
    )


def semgrep_ci(shop: Workshop) -> None:
    """Semgrep for real; ``semgrep ci`` scans the diff of requests, and everything on pushes."""
    refs = ["python-shell-true@app/views.py:7"]

    def one(name: str, kind: str, title: str, change: Mapping[str, Content | None]) -> Case:
        case = start(shop, name, kind, title, change, refs, setup="Semgrep CI")
        push(case, "before", case.base, shop.scan(case.base, "semgrep").report, category="semgrep")
        push(case, "after", case.merge, shop.scan(case.merge, "semgrep").report, category="semgrep")
        return case

    refs[:] = ["python-sql-format@app/store.py:11"]
    one(
        "good-semgrep-low",
        "good",
        "A warning, with parameters instead of text",
        {"app/store.py": FIXED_SQL},
    ).expect()
    refs[:] = ["python-shell-true@app/views.py:7"]
    one("good-semgrep-ci", "good", "Full scan by the push", GOOD).expect(
        shows="Fingerprints are the constant 'requires login' and identify nothing."
    )
    case = one(
        "good-semgrep-ci-both",
        "good",
        "Diff scan of the request, full scan of the push",
        {"app/views.py": FIXED_VIEWS},
    )
    request(shop, case, shop.scan(case.head, "semgrep").report, category="semgrep")
    case.after[-1]["runs"][0]["results"] = []
    case.expect()
    case = one(
        "bad-semgrep-diff-only",
        "bad",
        "Only the request's scan, with a baseline commit",
        {"app/store.py": STORE + "# fixed\n"},
    )
    case.after[0]["runs"][0]["results"] = []
    case.fact("after.0.command", f"semgrep ci --baseline-commit {case.base.commit}")
    case.expect("fail", "unknown", stops="SCAN_SCOPE")
    for name, mark in (("rule", "  # nosemgrep: python-shell-true"), ("blanket", "  # nosemgrep")):
        case = one(
            f"bad-nosemgrep-{name}",
            "bad",
            f"# nosemgrep ({name})",
            {"app/views.py": VIEWS.replace("True)", f"True){mark}")},
        )
        case.expect("fail", stops="NO_NEW_SUPPRESSION")
    case = one(
        "bad-semgrepignore",
        "bad",
        ".semgrepignore leaves the folder out",
        {".semgrepignore": "app/\n"},
    )
    case.expect("fail", "unknown", stops="NO_NEW_SUPPRESSION")
    case = one(
        "bad-semgrep-syntax-warning",
        "bad",
        "The syntax error is a warning with the path in its text",
        {"app/views.py": VIEWS.replace("shell=True)", "shell=True")},
    )
    case.after[0]["runs"][0]["invocations"][0]["toolExecutionNotifications"] = [
        {
            "descriptor": {"id": "Syntax error"},
            "level": "warning",
            "message": {"text": "Syntax error at line app/views.py:7:\n `return` was unexpected"},
        }
    ]
    case.after[0]["runs"][0]["results"] = [
        r for r in case.after[0]["runs"][0]["results"] if "shell" not in r["ruleId"]
    ]
    case.expect(
        "fail", stops="FILES_ANALYSED", shows="Semgrep calls it a warning and itself successful."
    )
    case = one(
        "bad-semgrep-wrapper",
        "bad",
        "The call is hidden behind getattr",
        {
            "app/views.py": VIEWS.replace(
                SHELL, 'getattr(subprocess, "call")("tar czf out.tgz " + folder, shell=True)'
            )
        },
    )
    case.facts["reviews"] = []
    case.expect(
        right="unknown",
        stops="HUMAN_REVIEW",
        shows="The pattern no longer matches, the weakness is there: no scan sees it, which is why a person must look.",
    )


def gitlab(shop: Workshop) -> None:
    """GitLab SAST runs Semgrep on the default branch; its report, told as SARIF."""
    rules = {
        "bandit.B602": {"level": "error", "tags": ["CWE-78"]},
        "bandit.B608": {"level": "warning"},
        "bandit.B303": {"level": "warning"},
    }
    refs = ["bandit.B602@app/views.py:7"]

    def report(*results: dict[str, Any]) -> dict[str, Any]:
        return shaped(
            "Semgrep", "1.130.0", results, rules, automationDetails={"id": "gitlab-sast/"}
        )

    old = finding(
        "bandit.B602",
        "app/views.py",
        7,
        text="subprocess call with shell=True",
        fingerprints={"scope_offset/v1": "4f1c:app/views.py|archive:1"},
    )
    other = finding(
        "bandit.B608",
        "app/store.py",
        11,
        text="SQL from text",
        fingerprints={"scope_offset/v1": "9aa0:app/store.py|find:2"},
    )
    case = start(
        shop,
        "good-gitlab-sast",
        "good",
        "Pipeline of the default branch",
        GOOD,
        refs,
        setup="GitLab SAST",
    )
    push(case, "before", case.base, report(old, other), uploader="gitlab-ci")
    push(case, "after", case.merge, report(other), uploader="gitlab-ci")
    case.expect()
    case = start(
        shop,
        "good-gitlab-train",
        "good",
        "Through a merge train",
        GOOD,
        refs,
        setup="GitLab SAST",
        merged="squash",
    )
    push(case, "before", case.base, report(old, other), uploader="gitlab-ci")
    push(case, "after", case.merge, report(other), uploader="gitlab-ci")
    case.expect()
    case = start(shop, "bad-gitlab-job-lenient", "bad", "The job may fail from now on",
                 {**GOOD, ".gitlab-ci.yml": "semgrep-sast:\n  allow_failure: true\n"}, refs, setup="GitLab SAST")  # fmt: skip
    push(case, "before", case.base, report(old, other), uploader="gitlab-ci")
    push(case, "after", case.merge, report(other), uploader="gitlab-ci")
    case.expect("fail", "unknown", stops="SCANNER_CONFIG_UNTOUCHED")


def others(shop: Workshop) -> None:
    """Tools that list only the rules that fired, and one that lists what it checked."""
    go = 'package shop\n\nimport "crypto/md5"\n\nfunc Key(b []byte) [16]byte {\n\treturn md5.Sum(b)\n}\n'
    fixed = (
        go.replace("crypto/md5", "crypto/sha256")
        .replace("md5.Sum", "sha256.Sum256")
        .replace("[16]", "[32]")
    )
    case = start(
        shop,
        "good-gosec",
        "good",
        "A strong hash",
        {"shop/key.go": fixed},
        "G401@shop/key.go:6",
        base={"shop/key.go": go, "shop/main.go": "package shop\n"},
        setup="gosec workflow",
    )
    rows = [finding("G401", "shop/key.go", 6, text="Use of weak cryptographic primitive", level="error"),
            finding("G501", "shop/key.go", 3, text="Blocklisted import crypto/md5", level="error")]  # fmt: skip
    push(
        case,
        "before",
        case.base,
        shaped("gosec", "2.22.9", rows, {"G401": {"level": "error"}, "G501": {"level": "error"}}),
        category="gosec",
        exit_code=1,
    )
    push(
        case, "after", case.merge, shaped("gosec", "2.22.9", [], {}), category="gosec", exit_code=0
    )
    case.expect(
        shows="Nothing is left to list; the same version and an untouched configuration say that the rule was on."
    )
    ruby = "class Orders\n  def find(name)\n    Order.where(\"name = '#{name}'\")\n  end\nend\n"
    case = start(shop, "good-brakeman", "good", "A hash instead of text", {"app/models/orders.rb": ruby.replace("\"name = '#{name}'\"", "name: name")},
                 "BRAKE0000@app/models/orders.rb:3", base={"app/models/orders.rb": ruby, "app/models/cart.rb": "class Cart\nend\n"}, setup="Brakeman workflow")  # fmt: skip
    rules = {"BRAKE0000": {"level": "warning"}, "BRAKE0013": {"level": "warning"}}
    row = finding("BRAKE0000", "app/models/orders.rb", 3, text="Possible SQL injection.")
    push(
        case,
        "before",
        case.base,
        shaped("Brakeman", "7.1.0", [row], rules),
        category="brakeman",
        exit_code=3,
    )
    push(
        case,
        "after",
        case.merge,
        shaped("Brakeman", "7.1.0", [], rules),
        category="brakeman",
        exit_code=0,
    )
    case.expect()
    go_mark = go.replace("md5.Sum(b)", "md5.Sum(b) // #nosec G401")
    case = start(
        shop,
        "bad-gosec-nosec",
        "bad",
        "#nosec in Go",
        {"shop/key.go": go_mark},
        "G401@shop/key.go:6",
        base={"shop/key.go": go, "shop/main.go": "package shop\n"},
        setup="gosec workflow",
    )
    push(
        case,
        "before",
        case.base,
        shaped("gosec", "2.22.9", rows, {"G401": {"level": "error"}, "G501": {"level": "error"}}),
        category="gosec",
        exit_code=1,
    )
    push(
        case,
        "after",
        case.merge,
        shaped("gosec", "2.22.9", rows[1:], {"G501": {"level": "error"}}),
        category="gosec",
        exit_code=1,
    )
    case.expect("fail", stops="NO_NEW_SUPPRESSION")


def eslint(shop: Workshop) -> None:
    """ESLint for real, uploaded by a stock workflow: absolute addresses, no invocation."""

    def one(
        name: str, kind: str, title: str, change: Mapping[str, Content | None], base: Tree = WEB
    ) -> Case:
        case = start(
            shop, name, kind, title, change, EVAL_REF, base=base, setup="GitHub, ESLint upload"
        )
        push(
            case,
            "before",
            case.base,
            shop.scan(case.base, "eslint").report,
            category="eslint",
            exit_code=1,
        )
        push(
            case,
            "after",
            case.merge,
            shop.scan(case.merge, "eslint").report,
            category="eslint",
            exit_code=0,
        )
        return case

    good = {"web/render.js": FIXED_RENDER}
    one("good-eslint-upload", "good", "Formula parsed instead of run", good).expect(
        shows="No invocation in the report: that the step succeeded is what the connector reads of the job."
    )
    case = one("good-eslint-api-upload", "good", "The same, sent by a pipeline elsewhere", good)
    case.stock, case.setup = False, "own CI server, SARIF sent to the code host's API"
    case.fact("after.0.exit_code", None).fact("before.0.exit_code", None)
    case.expect("unknown", stops="EXECUTION_OK",
                cause="ESLint's SARIF has no invocation, and no job of the code host belongs to it: whether the run succeeded is not said",
                owner="the pipeline that sends it: start ESLint with `python -m gate run`, or say exit_code in the facts")  # fmt: skip
    marked = {"web/render.js": RENDER_MARKED}
    case = one("bad-eslint-disable-line", "bad", "eslint-disable-next-line", marked)
    case.expect(
        "fail",
        stops="NO_NEW_SUPPRESSION ORIGINAL_ABSENT",
        shows="The formatter keeps the result, as suppressed in the source.",
    )
    case = one("bad-eslint-config-off", "bad", "The rule is switched off in eslint.config.mjs",
               {"eslint.config.mjs": 'export default [{ files: ["**/*.js"], rules: { "no-new-func": "error" } }];\n'})  # fmt: skip
    case.expect("fail", "unknown", stops="SCANNER_CONFIG_UNTOUCHED INDEPENDENCE")
    case = one("bad-eslint-moved", "bad", "eval moves to another file",
               {"web/render.js": 'export { formula } from "./eval.js";\n', "web/eval.js": "export function formula(text) {\n  return eval(text);\n}\n"})  # fmt: skip
    case.expect(
        "fail",
        "unknown",
        stops="ORIGINAL_ABSENT",
        shows="ESLint writes no snippet; the diff shows that the lines moved.",
    )


RENDER_MARKED = WEB["web/render.js"].replace(
    "  return eval", "  // eslint-disable-next-line no-eval\n  return eval"
)
