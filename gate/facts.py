"""``facts.json``: what SARIF does not say, read strictly into the records of ``gate.evidence``.

Every member is optional and what is missing is unknown; a member that nobody knows is refused with
its path, so that a misspelt fact never looks like a missing one. Null is the same as missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gate.diff import parse as parse_diff
from gate.errors import InputError
from gate.evidence import (
    Attempt,
    Commit,
    FixFacts,
    Proof,
    Release,
    Review,
    Revocation,
    ScanFacts,
    Source,
    StandingApproval,
    Surroundings,
    Waiver,
)
from gate.formats.json_text import Document as JsonText
from gate.formats.limits import Limits
from gate.strict import Members

TOOL_CLASSES = (
    "agentic", "sast", "sca", "secrets", "iac", "container", "dast", "cloud", "fuzz", "manual",
)  # fmt: skip
ORIGINS = ("human", "ai_assisted", "ai_generated", "automation", "unknown")
ROLES = ("before", "after", "control", "later")
_FOLLOWING = (
    *ROLES, "reviews", "waivers", "dispositions", "revocations", "releases", "proofs",
    "standing_approvals",
)  # fmt: skip
CAUSES = ("fix", "base_moved", "tool_changed", "advisory_changed", "unknown")
LIMITS = Limits(size=64 * 1024 * 1024, depth=16, skeleton_values=20_000_000)

Reader = Callable[[Members, str], Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one judgement. Those of the roles of scans follow the scans' order.

    ``loose`` names the roles whose facts were one object, not a list.
    """

    fix: FixFacts
    before: tuple[ScanFacts, ...]
    after: tuple[ScanFacts, ...]
    control: tuple[ScanFacts, ...]
    later: tuple[ScanFacts, ...]
    reviews: tuple[Review, ...]
    waivers: tuple[Waiver, ...]
    dispositions: tuple[dict[str, Any], ...]
    revocations: tuple[Revocation, ...]
    releases: tuple[Release, ...]
    proofs: tuple[Proof, ...]
    standing_approvals: tuple[StandingApproval, ...]
    patches: tuple[tuple[str, str], ...]
    surroundings: Surroundings
    at: str
    loose: frozenset[str]


def parse(data: bytes, name: str) -> dict[str, Any]:
    """The object of a facts file. Raises InputError with the byte for what is no such JSON."""
    value = JsonText(data, name, LIMITS).load()
    return dict(Members(value, name).value)


def join(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One document from several, by the names of their files: what a pipeline's steps measured.

    Scans, reviews and the other lists follow each other in the order of the files; any other member
    may be told twice only if it says the same. Raises InputError for one that does not.
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
    scans = {role: _scans(root, role) for role in ROLES}
    facts = Facts(
        fix=_fix(root),
        **scans,
        reviews=_all(root, "reviews", Review, _REVIEW),
        waivers=_all(root, "waivers", Waiver, _WAIVER),
        dispositions=tuple(_disposition(x) for x in root.children("dispositions") or ()),
        revocations=_all(root, "revocations", Revocation, _REVOCATION),
        releases=_all(root, "releases", Release, _RELEASE),
        proofs=_all(root, "proofs", Proof, _PROOF),
        standing_approvals=tuple(_standing(x) for x in root.children("standing_approvals") or ()),
        patches=_patches(root),
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


def _standing(members: Members) -> StandingApproval:
    """A standing approval; it names the bots, and the ecosystems or manifests that it covers."""
    for key in ("owner", "covers", "reason", "from", "until", "at"):
        members.need(key)
    covers = members.child("covers")
    scope = _given(covers, _COVERS)
    if not scope.get("bots"):
        raise covers.error("bots", "must name at least one bot")
    if not scope.get("ecosystems") and not scope.get("manifests"):
        raise covers.error("ecosystems", "or manifests must name what is covered")
    covers.finish()
    given = _given(members, _STANDING)
    members.finish()
    return StandingApproval(since=given.pop("from"), **given, **scope)


def _patches(root: Members) -> tuple[tuple[str, str], ...]:
    """The ids of the patches of other revisions of the fix, by commit: {"COMMIT": "PATCH ID"}."""
    members = root.child("patches")
    found = tuple((commit, members.hash(commit) or "") for commit in members.value)
    return tuple(sorted((commit.lower(), patch) for commit, patch in found))


def _all(root: Members, key: str, record: type[Any], shape: Mapping[str, Reader]) -> Any:
    return tuple(_one(item, record, shape) for item in root.children(key) or ())


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


def _attempt(members: Members, key: str) -> Attempt:
    child = members.child(key)
    attempt: Attempt = _one(child, Attempt, _ATTEMPT)
    if not attempt.commit and not attempt.tree:
        raise child.error("commit", "or tree must say on which content it ran")
    return attempt


def _diff(members: Members, key: str) -> str | None:
    """The text of a git diff, as it was written."""
    value = members.take(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise members.error(key, "must be the text of a git diff")
    try:
        parse_diff(value.encode(), key)
    except (InputError, UnicodeEncodeError) as error:
        raise members.error(key, f"is no git diff: {error}") from error
    return value


def _package(members: Members, key: str) -> str | None:
    """A package URL without a version: pkg:npm/lodash."""
    value = members.text(key)
    if value is not None and not re.fullmatch(r"pkg:[a-z][a-z0-9.+-]*/[^@?#\s]+", value):
        raise members.error(key, f"{value!r} is no package URL without a version: pkg:npm/lodash")
    return value


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
    "covers": _choice("everything"),
    "blobs": Members.blobs,
    "vendor": Members.text,
    "model": Members.text,
    "agent_run": Members.text,
    "uploader": Members.text,
    "uploader_kind": _choice("human", "service", "runner"),
    "attested_by": Members.pairs,
    "command": Members.prose,
    "version": Members.text,
    "rules": Members.texts,
    "descends_from": Members.hashes,
    "contained_in": Members.hashes,
    "diff_to_base": _diff,
    "deployed_commit": Members.hash,
    "deployed_tree": Members.hash,
    "deployed_at": Members.time,
    "warning": Members.prose,
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
    "landed_from": Members.hash,
    "former_hands": Members.proses,
    "landed_as": _choice("head", "clean", "changed"),
    "unparsed": Members.files,
    "pushed_at": Members.time,
    "author": Members.prose,
    "origin": _choice(*ORIGINS),
    "agent": Members.text,
    "model": Members.text,
    "agent_run": Members.text,
    "branch": Members.text,
    "addresses": Members.files,
    "attempts": _count(1),
}
_COMMIT: dict[str, Reader] = {
    "id": Members.hash,
    **dict.fromkeys(("message", "author", "committer"), Members.prose),
    **dict.fromkeys(("author_login", "committer_login"), Members.prose),
}
_REVIEW: dict[str, Reader] = {
    "reviewer": Members.text,
    "kind": _choice("human", "bot", "ai"),
    "commit": lambda members, key: members.hash(key) or "",
    "decision": _choice("approved", "rejected", "commented"),
    "at": Members.time,
    "tree": Members.hash,
    "patch_id": Members.hash,
    "answers": _answers,
    "aliases": Members.proses,
}
_WAIVER: dict[str, Reader] = {
    **dict.fromkeys(("check", "by", "reason", "finding"), Members.text),
    "until": Members.day,
}
_SURROUNDINGS: dict[str, Reader] = {
    "exposure": _choice("internal", "internet"),
    "criticality": _choice("low", "medium", "high", "critical"),
    "kev": Members.flag,
}
_WORD: dict[str, Reader] = {"by": Members.text, "reason": Members.text, "at": Members.time}
_RESULT: dict[str, Reader] = {
    "rule": Members.text,
    "path": Members.file,
    "line": _count(1),
    **_WORD,
}
_DISPUTE: dict[str, Reader] = {
    "about": _choice("match", "cause"),
    "finding": Members.text,
    "result": Members.text,
    "cause": _choice(*CAUSES),
    "second": Members.text,
    **_WORD,
}
_DISPOSITIONS: dict[str, tuple[tuple[str, ...], dict[str, Reader]]] = {
    "accepted": (("rule", "path", "by", "reason"), _RESULT),
    "false_positive": (("rule", "path", "by", "reason"), _RESULT),
    "dispute": (("about", "result", "by", "second", "reason"), _DISPUTE),
}
_REVOCATION: dict[str, Reader] = {
    "finding": Members.text,
    "by": Members.text,
    "at": Members.time,
    "method": Members.text,
    "evidence": Members.text,
    "state": _choice("revoked", "active", "never_live"),
    "committed_at": Members.time,
    "source": _source,
}
_RELEASE: dict[str, Reader] = {
    "package": _package,
    "version": Members.text,
    "exists": Members.flag,
    "yanked": Members.flag,
    "at": Members.time,
    "source": _source,
}
_ATTEMPT: dict[str, Reader] = {
    "commit": Members.hash,
    "tree": Members.hash,
    "outcome": _choice("works", "fails"),
}
_PROOF: dict[str, Reader] = {
    "finding": Members.text,
    "before": _attempt,
    "after": _attempt,
    "by": Members.text,
    "at": Members.time,
    "agent_run": Members.text,
    "model": Members.text,
    "evidence": Members.text,
    "source": _source,
}
_COVERS: dict[str, Reader] = dict.fromkeys(("bots", "ecosystems", "manifests"), Members.texts)
_STANDING: dict[str, Reader] = {
    "owner": Members.text,
    "from": Members.time,
    "until": Members.day,
    **{key: _WORD[key] for key in ("reason", "at")},
}
_NEEDED: dict[type[Any], tuple[str, ...]] = {
    Review: ("reviewer", "kind", "decision"),
    Waiver: ("check", "by", "reason", "until"),
    Revocation: ("finding", "by", "at", "method"),
    Release: ("package", "version", "exists"),
    Attempt: ("outcome",),
    Proof: ("finding", "before", "after", "by", "at"),
}
