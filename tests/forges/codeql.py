"""A toy CodeQL: reads files and writes a report in CodeQL's shape, as the default set-up uploads it."""

import hashlib
import json
from collections.abc import Collection, Mapping

from tests.forges.fake_github import FakeRepository

DEFAULT_SETUP = "dynamic/github-code-scanning/codeql:analyze"
SHELL, SQL = "py/command-line-injection", "py/sql-injection"
SIGNS = {"shell=True": SHELL, "execute(f": SQL}
RULES = [
    {
        "id": rule, "defaultConfiguration": {"level": "error"},
        "properties": {"security-severity": "8.8", "tags": ["security", f"external/cwe/cwe-{cwe}"]},
    }
    for rule, cwe in ((SHELL, "078"), (SQL, "089"))
]  # fmt: skip
WEAK = 'import subprocess\n\n\ndef pack(folder):\n    return subprocess.call("tar " + folder, shell=True)\n'
SAFE = 'import subprocess\n\n\ndef pack(folder):\n    return subprocess.call(["tar", folder])\n'
OTHER, OTHER_SAFE = (text.replace("pack", "ship") for text in (WEAK, SAFE))


def files_of(repository: FakeRepository, commit: str) -> dict[str, str]:
    """The Python files at a commit, from git itself."""
    names = repository.git.word("ls-tree", "-r", "--name-only", commit).split()
    return {
        name: repository.git.run("show", f"{commit}:{name}").decode()
        for name in names
        if name.endswith(".py")
    }


def report_of(files: Mapping[str, str], only: Collection[str] | None = None) -> bytes:
    """The report on these files; with ``only`` one of a pull request, which shows changed files alone."""
    results = [
        _result(path, number, line, rule)
        for path, text in sorted(files.items())
        if only is None or path in only
        for number, line in enumerate(text.splitlines(), 1)
        for sign, rule in SIGNS.items()
        if sign in line
    ]
    places = [{"location": {"uri": path, "uriBaseId": "%SRCROOT%"}} for path in sorted(files)]
    extracted = [
        {
            "descriptor": {"id": "py/diagnostics/successfully-extracted-files", "index": 0},
            "level": "none", "message": {"text": ""},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": path}}}],
        }
        for path in sorted(files)
    ]  # fmt: skip
    run = {
        "tool": {"driver": {"name": "CodeQL", "semanticVersion": "2.23.5", "rules": RULES}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": extracted}],
        "results": results, "artifacts": places, "automationDetails": {"id": "/language:python/"},
    }  # fmt: skip
    return json.dumps({"version": "2.1.0", "runs": [run]}).encode()


def _result(path: str, number: int, line: str, rule: str) -> dict[str, object]:
    hashed = hashlib.sha256(f"{path}{line.strip()}".encode()).hexdigest()[:16]
    return {
        "ruleId": rule,
        "message": {"text": "This depends on a user-provided value."},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": path, "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": number, "startColumn": 1, "snippet": {"text": line}},
                }
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": f"{hashed}:1"},
    }
