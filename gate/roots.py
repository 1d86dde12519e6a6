"""The root of absolute addresses that a report leaves open, told from the files that are known.

A report of a developer's machine, or of a build service whose folders have no fixed depth, gives
addresses such as ``/home/dana/shop/app/x.py`` and no root. Where the fix changes ``app/x.py`` there
is one folder below which both agree. More than one such folder, or none, stays unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from gate import formats
from gate.changes import both_paths
from gate.diff import Diff
from gate.evidence import Document, FixFacts, Role, Scan
from gate.formats.sarif_uris import Absolute, absolute
from gate.records import Report, Run

LEAST_PARTS = 2  # of a path that places an address, where not every address ends in a known one
MOST_ADDRESSES = 10_000  # of one run that are looked at


def rooted(
    scans: Sequence[Scan], documents: Sequence[Document], fix: FixFacts, diff: Diff | None
) -> tuple[Scan, ...]:
    """The scans, those read anew whose roots are told by what is known of the fix.

    ``documents`` are those of the scans, in their order.
    """
    told = [_roots_of(scan, fix, diff) for scan in scans]
    every = frozenset(root for roots in told for root in roots)
    return tuple(
        _read_anew(scan, document, _added(scan.report, roots, every))
        for scan, document, roots in zip(scans, documents, told, strict=True)
    )


def _read_anew(scan: Scan, document: Document, roots: tuple[Absolute, ...]) -> Scan:
    if not roots:
        return scan
    return replace(scan, report=formats.read(document.name, document.content, roots))


def _roots_of(scan: Scan, fix: FixFacts, diff: Diff | None) -> tuple[Absolute, ...]:
    """The root of each run that has one; none where one lies in another, so that it is not clear."""
    if not any(_lost(run) for run in scan.report.runs):
        return ()
    is_old = scan.role in (Role.BEFORE, Role.CONTROL)
    of_fix = fix.base_blobs if is_old else (*fix.merge_blobs, *fix.blobs)
    tree = {path for path, _ in scan.facts.blobs or of_fix}
    changed = {path for file in diff.files for path in both_paths(file)} if diff else set()
    found = {root for run in scan.report.runs if (root := _root(_lost(run), tree, changed))}
    return tuple(root for root in sorted(found) if _is_apart(root, found))


def _added(
    report: Report, own: tuple[Absolute, ...], every: frozenset[Absolute]
) -> tuple[Absolute, ...]:
    """The roots of a report, and the one of another scan below which all that is left open lies:
    a file that is clean now is named by the scan before alone."""
    left = [
        address
        for run in report.runs
        for address in _lost(run)
        if not any(_below(address, root) for root in own)
    ]
    fitting = {root for root in every if left and all(_below(at, root) for at in left)}
    return (*own, *fitting) if len(fitting) == 1 else own


def _is_apart(root: Absolute, others: Collection[Absolute]) -> bool:
    return not any(other != root and _below(other, root) for other in others)


def _lost(run: Run) -> list[Absolute]:
    """The absolute addresses of results that have no place below the root, each once."""
    open_ones = {r.location.uri for r in run.results if r.location.path is None and r.location.uri}
    found = (absolute(uri) for uri in sorted(open_ones)[:MOST_ADDRESSES])
    return [address for address in found if address is not None]


def _root(
    addresses: Sequence[Absolute], tree: Collection[str], changed: Collection[str]
) -> Absolute | None:
    """The one folder below which every address lies, and ends in a known path.

    Where the whole tree is not known, it is enough that one address ends in a changed path of
    several parts, and none in another one from another folder.
    """
    known = frozenset(tree or changed)
    candidates = {root for address in addresses for root in _candidates(address, known)}
    fitting = [
        root for root in candidates if all(_path(address, root) in known for address in addresses)
    ]
    if not fitting and not tree:
        told = {root for root, parts in _told(addresses, known) if parts >= LEAST_PARTS}
        fitting = [root for root in told if all(_below(address, root) for address in addresses)]
        fitting = fitting if candidates == told else []
    return fitting[0] if len(fitting) == 1 else None


def _told(addresses: Sequence[Absolute], known: Collection[str]) -> Iterator[tuple[Absolute, int]]:
    """Each root that an address and a known path have in common, and how many parts agree."""
    for address in addresses:
        for root in _candidates(address, known):
            yield root, len(address.segments) - len(root.segments)


def _candidates(address: Absolute, known: Collection[str]) -> Iterator[Absolute]:
    for depth in range(len(address.segments)):
        if "/".join(address.segments[depth:]) in known:
            yield Absolute(address.origin, address.segments[:depth])


def _path(address: Absolute, root: Absolute) -> str:
    """The path of an address below a root; empty where it lies elsewhere."""
    return "/".join(address.segments[len(root.segments) :]) if _below(address, root) else ""


def _below(address: Absolute, root: Absolute) -> bool:
    depth = len(root.segments)
    return address.origin == root.origin and address.segments[:depth] == root.segments
