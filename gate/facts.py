"""``facts.json``: what SARIF does not say, read strictly into the records of ``gate.evidence``.

Every member is optional and what is missing is unknown; a member that nobody knows is refused with
its path, so that a misspelt fact never looks like a missing one. Null is the same as missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gate.errors import InputError
from gate.evidence import Commit, FixFacts, Review, ScanFacts, Source, Surroundings, Waiver
from gate.formats.json_text import Document as JsonText
from gate.formats.limits import Limits
from gate.strict import Members

TOOL_CLASSES = (
    "agentic", "sast", "sca", "secrets", "iac", "container", "dast", "cloud", "fuzz", "manual",
)  # fmt: skip
ORIGINS = ("human", "ai_assisted", "ai_generated", "automation", "unknown")
_FOLLOWING = ("before", "after", "control", "reviews", "waivers", "dispositions")
CAUSES = ("fix", "base_moved", "tool_changed", "advisory_changed", "unknown")
LIMITS = Limits(size=64 * 1024 * 1024, depth=16)

Reader = Callable[[Members, str], Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one judgement. ``before``, ``after`` and ``control`` follow the scans' order.

    ``loose`` names the roles whose facts were one object, not a list.
    """

    fix: FixFacts
    before: tuple[ScanFacts, ...]
    after: tuple[ScanFacts, ...]
    control: tuple[ScanFacts, ...]
    reviews: tuple[Review, ...]
    waivers: tuple[Waiver, ...]
    dispositions: tuple[dict[str, Any], ...]
    surroundings: Surroundings
    at: str
    loose: frozenset[str]


def parse(data: bytes, name: str) -> dict[str, Any]:
    """The object of a facts file. Raises InputError with the byte for what is no such JSON."""
    value = JsonText(data, name, LIMITS).load()
    return dict(Members(value, name).value)


def join(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One document from several, by the names of their files: what a pipeline's steps measured.

    Scans, reviews, waivers and dispositions follow each other in the order of the files; any other
    member may be told twice only if it says the same. Raises InputError for one that does not.
    """
    joined: dict[str, Any] = {}
    for name, document in documents.items():
        for key, value in document.items():
            if value is None:
                continue
            where = f"{name}: {key}"
            joined[key] = _joined(key, joined[key], value, where) if key in joined else value
    return joined


def _joined(key: str, old: Any, new: Any, where: str) -> Any:
    if key in _FOLLOWING:
        return [*_listed(old), *_listed(new)]
    if isinstance(old, dict) and isinstance(new, dict):
        for inner in old.keys() & new.keys():
            _same(old[inner], new[inner], f"{where}.{inner}")
        return {**old, **new}
    return _same(old, new, where)


def _same(old: Any, new: Any, where: str) -> Any:
    if old != new:
        raise InputError(where, "is told differently by an earlier facts file")
    return old


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def read(document: Mapping[str, Any], name: str = "facts") -> Facts:
    """Read the members of a facts document. Raises InputError, ``NAME: PATH: what``."""
    root = Members(document, name)
    scans = {role: _scans(root, role) for role in ("before", "after", "control")}
    facts = Facts(
        fix=_fix(root),
        **scans,
        reviews=tuple(_one(item, Review, _REVIEW) for item in root.children("reviews") or ()),
        waivers=tuple(_one(item, Waiver, _WAIVER) for item in root.children("waivers") or ()),
        dispositions=tuple(_disposition(x) for x in root.children("dispositions") or ()),
        surroundings=_one(root.child("surroundings"), Surroundings, _SURROUNDINGS),
        at=root.time("at") or "",
        loose=frozenset(role for role in scans if not isinstance(document.get(role), list)),
    )
    root.finish()
    return facts


def _scans(root: Members, role: str) -> tuple[ScanFacts, ...]:
    """The facts of the scans of one role: from a list, or one object for the only scan."""
    if isinstance(root.take(role), list):
        return tuple(_scan(item) for item in root.children(role) or ())
    return (_scan(root.child(role)),) if root.value.get(role) is not None else ()


def _scan(members: Members) -> ScanFacts:
    """One scan. Facts that do not say where they come from were declared by whoever wrote them."""
    given = _given(members, _SCAN)
    members.finish()
    return ScanFacts(**{"source": Source.DECLARED, **given})


def _fix(root: Members) -> FixFacts:
    """The fix, its commits read from ``fix.commits`` or from the top of the document."""
    members = root.child("fix")
    given = _given(members, _FIX)
    holders = [holder for holder in (root, members) if holder.take("commits") is not None]
    if len(holders) > 1:
        raise root.error("commits", "is given here and in fix")
    for holder in holders:
        rows = holder.children("commits") or ()
        given["commits"] = tuple(_one(row, Commit, _COMMIT) for row in rows)
    members.finish()
    return FixFacts(**given)


def _disposition(members: Members) -> dict[str, Any]:
    """A person's word on one result: kind accepted, false_positive, or dispute (by two people)."""
    kind = members.need("kind")
    if kind not in _DISPOSITIONS:
        raise members.error("kind", f"{kind!r} is none of: {', '.join(_DISPOSITIONS)}")
    needed, shape = _DISPOSITIONS[kind]
    for key in needed:
        members.need(key)
    if kind == "dispute":
        members.need("finding" if members.need("about") == "match" else "cause")
    given = _given(members, shape)
    members.finish()
    return {"kind": kind, **given}


def _one(members: Members, record: type[Any], shape: Mapping[str, Reader]) -> Any:
    for key in _NEEDED.get(record, ()):
        members.need(key)
    given = _given(members, shape)
    members.finish()
    return record(**given)


def _given(members: Members, shape: Mapping[str, Reader]) -> dict[str, Any]:
    """The members of a shape that are there."""
    read = {key: reader(members, key) for key, reader in shape.items()}
    return {key: value for key, value in read.items() if value is not None}


def _choice(*allowed: str) -> Reader:
    return lambda members, key: members.choice(key, allowed)


def _count(least: int) -> Reader:
    return lambda members, key: members.count(key, least)


def _source(members: Members, key: str) -> Source | None:
    value = members.choice(key, tuple(Source))
    return Source(value) if value else None


def _answers(members: Members, key: str) -> tuple[tuple[str, str], ...] | None:
    """Question to answer; an answer that is a list (of files, say) stands with a line for each."""
    if members.take(key) is None:
        return None
    answers = members.child(key)
    found = []
    for question, answer in answers.value.items():
        is_list = isinstance(answer, list)
        lines = answers.texts(question) if is_list else (answers.text(question),)
        found.append((str(question), "\n".join(line for line in lines or () if line)))
    return tuple(sorted(found))


_SCAN: dict[str, Reader] = {
    "commit": Members.hash,
    "tree": Members.hash,
    "parents": Members.hashes,
    "config_digest": Members.text,
    "tool_class": _choice(*TOOL_CLASSES),
    "scope": _choice("full", "diff"),
    "category": Members.text,
    "exit_code": _count(-(2**31)),
    "started_at": Members.time,
    "finished_at": Members.time,
    "files_scanned": Members.files,
    "blobs": Members.blobs,
    "vendor": Members.text,
    "model": Members.text,
    "agent_run": Members.text,
    "uploader": Members.text,
    "uploader_kind": _choice("human", "service", "runner"),
    "command": Members.prose,
    "version": Members.text,
    "rules": Members.texts,
    "source": _source,
}
_FIX: dict[str, Reader] = {
    "base_commit": Members.hash,
    "base_tree": Members.hash,
    "base_blobs": Members.blobs,
    "head_commit": Members.hash,
    "head_tree": Members.hash,
    "merge_commit": Members.hash,
    "merge_tree": Members.hash,
    "blobs": Members.blobs,
    "merge_blobs": Members.blobs,
    "merged_at": Members.time,
    "pushed_at": Members.time,
    "author": Members.prose,
    "origin": _choice(*ORIGINS),
    "agent": Members.text,
    "model": Members.text,
    "agent_run": Members.text,
    "branch": Members.text,
    "attempts": _count(1),
}
_COMMIT: dict[str, Reader] = {
    "id": Members.hash,
    "message": Members.prose,
    "author": Members.prose,
    "committer": Members.prose,
}
_REVIEW: dict[str, Reader] = {
    "reviewer": Members.text,
    "kind": _choice("human", "bot", "ai"),
    "commit": lambda members, key: members.hash(key) or "",
    "decision": _choice("approved", "rejected", "commented"),
    "at": Members.time,
    "tree": Members.hash,
    "answers": _answers,
}
_WAIVER: dict[str, Reader] = {
    "check": Members.text,
    "by": Members.text,
    "reason": Members.text,
    "until": Members.day,
    "finding": Members.text,
}
_SURROUNDINGS: dict[str, Reader] = {
    "exposure": _choice("internal", "internet"),
    "criticality": _choice("low", "medium", "high", "critical"),
    "kev": Members.flag,
}
_RESULT: dict[str, Reader] = {
    "rule": Members.text,
    "path": Members.file,
    "line": _count(1),
    "by": Members.text,
    "reason": Members.text,
    "at": Members.time,
}
_DISPUTE: dict[str, Reader] = {
    "about": _choice("match", "cause"),
    "finding": Members.text,
    "result": Members.text,
    "cause": _choice(*CAUSES),
    "by": Members.text,
    "second": Members.text,
    "reason": Members.text,
    "at": Members.time,
}
_DISPOSITIONS: dict[str, tuple[tuple[str, ...], dict[str, Reader]]] = {
    "accepted": (("rule", "path", "by", "reason"), _RESULT),
    "false_positive": (("rule", "path", "by", "reason"), _RESULT),
    "dispute": (("about", "result", "by", "second", "reason"), _DISPUTE),
}
_NEEDED: dict[type[Any], tuple[str, ...]] = {
    Review: ("reviewer", "kind", "decision"),
    Waiver: ("check", "by", "reason", "until"),
}
