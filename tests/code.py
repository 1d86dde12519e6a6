"""A toy repository and a toy scanner: revisions with content, and what a Bandit would say of them.

Ids follow from the content as git's do, so that two revisions with the same files have one tree.
"""

import difflib
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

WEAK = {  # what the scanner looks for in a line: rule, level, words, CWE
    "eval(": (
        "B307",
        "warning",
        "Use of possibly insecure function - consider ast.literal_eval.",
        78,
    ),
    "pickle.loads(": ("B301", "warning", "Pickle can be unsafe with untrusted data.", 502),
    "shell=True": ("B602", "error", "subprocess call with shell=True identified.", 78),
    "import subprocess": ("B404", "note", "Consider possible implications of subprocess.", 78),
}
RULES = {rule: (level, words, cwe) for rule, level, words, cwe in WEAK.values()}
_KNOWN: dict[str, "Code"] = {}


def identifier(*parts: str) -> str:
    """Return 40 hex digits that stand for ``parts``."""
    return hashlib.sha1("\0".join(parts).encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Code:
    """The files of one commit: path → text. ``note`` makes another commit of the same tree."""

    files: dict[str, str]
    note: str = ""
    tree: str = field(init=False)
    commit: str = field(init=False)

    def __post_init__(self) -> None:
        tree = identifier(json.dumps(self.files, sort_keys=True))
        object.__setattr__(self, "tree", tree)
        object.__setattr__(self, "commit", identifier("commit", tree, self.note))
        _KNOWN[tree] = self

    def change(self, files: dict[str, str | None], note: str = "") -> "Code":
        """Return the next commit with these files changed; None deletes one."""
        kept = {**self.files, **files}
        return Code({path: text for path, text in kept.items() if text is not None}, note)

    def committed_as(self, note: str) -> "Code":
        """Return the same content as another commit: a squash or a merge."""
        return Code(self.files, note)


def code_with_tree(tree: str) -> Code:
    """Return a revision that a test made, by its tree."""
    return _KNOWN[tree]


def results_of(code: Code) -> list[tuple[str, str, int, str]]:
    """What the scanner finds: rule, path, line, text of the line."""
    return [
        (rule, path, number, line)
        for path, text in sorted(code.files.items())
        if path.endswith(".py")
        for number, line in enumerate(text.splitlines(), start=1)
        for word, (rule, *_) in WEAK.items()
        if word in line
    ]


def sarif_of(
    code: Code, *, successful: bool = True, version: str = "1.9.4", inventory: bool = False
) -> dict:
    """The report of a full scan of ``code``. Bandit lists only rules that fired; ``inventory``: all."""
    found = results_of(code)
    fired = RULES if inventory else dict.fromkeys(rule for rule, *_ in found)
    rules = [_rule(rule) for rule in fired]
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "Bandit", "organization": "PyCQA", "version": version,
                                    "semanticVersion": version, "rules": rules}},
                "invocations": [{"executionSuccessful": successful}],
                "artifacts": [{"location": {"uri": path}} for path in sorted(code.files)],
                "results": [_result(*one, index) for one in found],
            }
        ],
    }  # fmt: skip


def _rule(rule: str) -> dict:
    level, words, cwe = RULES[rule]
    return {
        "id": rule,
        "name": rule,
        "shortDescription": {"text": words},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["security", f"external/cwe/cwe-{cwe}"]},
    }


def _result(rule: str, path: str, line: int, text: str, index: dict[str, int]) -> dict:
    level, words, _ = RULES[rule]
    region = {"startLine": line, "snippet": {"text": f"{text}\n"}}
    return {
        "ruleId": rule,
        "ruleIndex": index[rule],
        "level": level,
        "message": {"text": words},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": path}, "region": region}},
        ],
    }


def facts_of(code: Code) -> dict:
    """What a pipeline's wrapper says of a full scan of ``code`` that ended just now."""
    ended = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "started_at": ended,
        "finished_at": ended,
        "commit": code.commit,
        "tree": code.tree,
        "tool_class": "sast",
        "scope": "full",
        "exit_code": 1 if results_of(code) else 0,
        "files_scanned": sorted(code.files),
        "blobs": {path: identifier("blob", text) for path, text in sorted(code.files.items())},
        "rules": sorted(RULES),
        "config_digest": "sha256:" + hashlib.sha256(b"bandit").hexdigest(),
    }


def diff_of(before: Code, after: Code) -> bytes:
    """The ``git diff`` from one revision to another (no renames)."""
    parts = []
    for path in sorted({*before.files, *after.files}):
        old, new = before.files.get(path), after.files.get(path)
        if old == new:
            continue
        parts.append(f"diff --git a/{path} b/{path}\n")
        if old is None:
            parts.append("new file mode 100644\n")
        elif new is None:
            parts.append("deleted file mode 100644\n")
        parts.append(f"index {identifier('blob', old or '')[:7]}..{identifier('blob', new or '')[:7]}"
                     f"{' 100644' if old is not None and new is not None else ''}\n")  # fmt: skip
        parts += difflib.unified_diff(
            (old or "").splitlines(keepends=True),
            (new or "").splitlines(keepends=True),
            f"a/{path}" if old is not None else "/dev/null",
            f"b/{path}" if new is not None else "/dev/null",
        )
    return "".join(parts).encode()
