"""Which content a scan looked at: same commit, same tree, or identical blobs of what matters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from gate.diff import Diff
from gate.evidence import FixFacts
from gate.joining import Blobs, contradiction, same_content
from gate.legs import Leg


class Bond(StrEnum):
    """How the content of a scan relates to a revision; the text fits into a sentence."""

    COMMIT = "the same commit as"
    TREE = "the same tree as"
    BLOBS = "identical blobs of every relevant file as"
    TEST_MERGE = "a test merge of"
    OTHER = "other content than"
    UNKNOWN = "content that cannot be compared with"


BOUND = frozenset({Bond.COMMIT, Bond.TREE, Bond.BLOBS, Bond.TEST_MERGE})
WHOLE = frozenset({Bond.COMMIT, Bond.TREE})  # every file is the same, not only the relevant ones


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision of the fix. ``name`` is for sentences; ``blobs`` may be empty: unknown."""

    name: str
    commit: str
    tree: str
    blobs: Mapping[str, str]

    @property
    def known(self) -> bool:
        """Whether anything could be compared with it."""
        return bool(self.commit or self.tree or self.blobs)

    @property
    def label(self) -> str:
        """The revision with its short id, for a sentence."""
        return f"{self.name} {short(self.commit or self.tree)}".rstrip()


@dataclass(frozen=True, slots=True)
class Revisions:
    """The revisions of the fix. ``goal`` is what must be clean: what merged, else the head.

    ``unchanged``: base and goal have one content. ``unjoined`` says what shows that the diff does
    not lead from the base to where it should; empty where nothing does.
    """

    base: Revision
    head: Revision
    merge: Revision | None
    diff_to_merge: bool  # the diff leads from the base to the merge, which is not the head
    unchanged: bool = False
    unjoined: str = ""

    @property
    def goal(self) -> Revision:
        """What the question *original gone?* is about."""
        return self.merge or self.head


def revisions(fix: FixFacts, legs: Sequence[Leg], diff: Diff | None = None) -> Revisions:
    """The fix's revisions, with blobs from the facts or from a scan of exactly that revision."""
    found = _revisions(fix, legs)
    onto = found.merge if found.merge and found.diff_to_merge else found.head
    base, *ends = (
        (one.commit, one.tree or _tree_of(one, legs)) for one in (found.base, onto, found.goal)
    )
    same = same_content(base, ends[0])
    unchanged = any(same_content(base, end) for end in ends)
    sides = _sides(fix, legs, found, onto)
    return replace(found, unchanged=unchanged, unjoined=contradiction(same, diff, sides))


def _tree_of(revision: Revision, legs: Sequence[Leg]) -> str:
    """The tree that a scan of this very commit names."""
    return next(
        (leg.facts.tree for leg in legs if leg.commit and leg.commit == revision.commit), ""
    )


def _sides(
    fix: FixFacts, legs: Sequence[Leg], found: Revisions, onto: Revision
) -> Iterator[tuple[Blobs, Blobs]]:
    """Blobs of the base and of where the diff leads: by the facts of the fix, and by the scans."""
    merges = [leg for leg in legs if onto is found.head and _tests(leg, found.base, onto)]
    if not merges:
        yield dict(fix.base_blobs), dict(fix.blobs if onto is found.head else fix.merge_blobs)
    befores, afters = (
        [leg for leg in legs if leg.facts.blobs and bond(leg, side, ()) in WHOLE]
        for side in (found.base, onto)
    )
    for after in merges or afters:  # onto a base that moved on, the diff leads to the test merge
        if befores and after.facts.blobs:
            yield dict(befores[0].facts.blobs), dict(after.facts.blobs)


def _revisions(fix: FixFacts, legs: Sequence[Leg]) -> Revisions:
    known = [leg for leg in legs if leg.facts.blobs]

    def revision(name: str, commit: str, tree: str, blobs: Iterable[tuple[str, str]]) -> Revision:
        given = dict(blobs)
        if not given:
            bare = Revision(name, commit, tree, {})
            same = (dict(leg.facts.blobs) for leg in known if bond(leg, bare, ()) in WHOLE)
            given = next(same, {})
        return Revision(name, commit, tree, given)

    base = revision("the base", fix.base_commit, fix.base_tree, fix.base_blobs)
    head = revision("the fix's head", fix.head_commit, fix.head_tree, fix.blobs)
    if not fix.merge_commit and not fix.merge_tree:
        return Revisions(base, head, None, diff_to_merge=False)
    merge = revision("the merge", fix.merge_commit, fix.merge_tree, fix.merge_blobs)
    onto_base = bool(base.commit) and fix.landed_from == base.commit
    onto_base |= any(_is_on(leg, base) and bond(leg, merge, ()) in WHOLE for leg in legs)
    same_tree = bool(head.tree) and head.tree == merge.tree
    return Revisions(base, head, merge, diff_to_merge=onto_base and not same_tree)


def _is_on(leg: Leg, base: Revision) -> bool:
    """Whether the first parent of the scanned commit is the base."""
    return bool(base.commit) and leg.facts.parents[:1] == (base.commit,)


def _tests(leg: Leg, base: Revision, head: Revision) -> bool:
    """Whether the scanned commit is a test merge of the head onto the base."""
    return _is_on(leg, base) and bool(head.commit) and head.commit in leg.facts.parents[1:]


def bond(leg: Leg, revision: Revision, relevant: Iterable[str]) -> Bond:
    """How the content that a leg scanned relates to a revision, by commit, tree, then blobs.

    ``relevant``: the paths whose blobs must be identical where commit and tree do not say so.
    """
    tree = leg.facts.tree
    trees = None if not tree or not revision.tree else tree == revision.tree
    commits = None if not leg.commit or not revision.commit else leg.commit == revision.commit
    if commits and trees is not False:
        return Bond.COMMIT
    if trees:
        return Bond.TREE
    if _same_blobs(dict(leg.facts.blobs), revision.blobs, relevant) and not commits:
        return Bond.BLOBS
    return Bond.OTHER if trees is False else Bond.UNKNOWN


def _same_blobs(ours: Mapping[str, str], theirs: Mapping[str, str], paths: Iterable[str]) -> bool:
    wanted = set(paths)
    return bool(wanted) and all(path in ours and ours[path] == theirs.get(path) for path in wanted)


def head_bond(leg: Leg, head: Revision, relevant: Iterable[str]) -> Bond:
    """As ``bond`` to the fix's head, which a test merge (base, head) contains as well."""
    found = bond(leg, head, relevant)
    is_merge = len(leg.facts.parents) > 1 and head.commit in leg.facts.parents[1:]
    return Bond.TEST_MERGE if found not in BOUND and head.commit and is_merge else found


def joins(before: Leg, after: Leg, all_of: Revisions) -> bool:
    """Whether the fix's diff joins exactly the two scanned revisions.

    The diff leads from the base to the head, or to a merge or test merge onto the base.
    """
    if all_of.unjoined or bond(before, all_of.base, ()) not in WHOLE:
        return False
    if all_of.merge is not None and all_of.diff_to_merge:
        return bond(after, all_of.merge, ()) in WHOLE
    if bond(after, all_of.head, ()) in WHOLE:
        return True
    return _tests(after, all_of.base, all_of.head)


def short(object_id: str) -> str:
    """The first digits of a git object id, as people write them."""
    return object_id[:9]
