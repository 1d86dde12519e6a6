"""Where artifact locations point below the repository root (SARIF 2.1.0, 3.4 and 3.14.14).

The root is the location that versionControlProvenance maps the repository to (3.23.8), else the
outermost base that is named like a source root, else, for absolute addresses, a working directory
of the run or a checkout folder of GitHub's runners. What cannot be placed below the root has no
path and is still reported: unlocatable, never dropped. Reads no file and no link.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from gate.catalogue import load
from gate.composed import composed
from gate.formats.members import Members, escape
from gate.formats.shelf import OVERHEAD

LONGEST = 4096  # characters of a path: PATH_MAX of Linux
MOST_PARENTS = 50  # that an artifact may be nested in
MOST_ROOTS = 100  # that absolute addresses are compared with
MOST_BASES = 20  # that an address may stand below
MOST_ADDRESSES = 50_000  # whose paths are remembered

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")
_DRIVE = re.compile(r"/?([A-Za-z]:)(?=[\\/]|$)")
# Bases whose name says "the sources": %SRCROOT% (CodeQL, Semgrep), SRCROOT (Flawfinder, the
# specification), ROOTPATH (Trivy), PROJECTROOT (Snyk), REPOROOT (OASIS tutorials).
_ROOT_NAME = re.compile(
    r"%?_?(?:(?:SRC|SOURCE|SOURCES|REPO|REPOSITORY|PROJECT|CHECKOUT|WORKSPACE|SOLUTION)"
    r"[_-]?(?:ROOT|DIR|DIRECTORY|PATH)?|ROOT[_-]?(?:PATH|DIR)?)_?%?",
    re.IGNORECASE,
)
# Roles of artifacts that were not examined (3.24.6): settings, outputs, and what is gone.
_NOT_EXAMINED = frozenset(
    {
        "attachment", "debugOutputFile", "deleted", "directory", "driver", "extension",
        "policy", "referencedOnCommandLine", "responseFile", "standardStream", "taxonomy",
        "toolSpecifiedConfiguration", "translation", "userSpecifiedConfiguration",
    }
)  # fmt: skip

_CONFIGURES = frozenset({"userSpecifiedConfiguration", "toolSpecifiedConfiguration"})


class Address(NamedTuple):
    """A location as read: what is resolved is ``uri`` below base ``base``."""

    uri: str
    base: str


_NOWHERE = Address("", "")


class Absolute(NamedTuple):
    """An absolute address: scheme and host (empty for local files), and its path segments."""

    origin: str
    segments: tuple[str, ...]


class Artifact(NamedTuple):
    """What is kept of an artifact (3.24): address, container, whether the run examined it."""

    address: Address
    parent: int | None
    examined: bool
    digest: str  # SHA-256 as written, in small letters
    configures: bool = False  # whether its role is to configure the run


class Uris:
    """Resolves the artifact locations of one run. Unplaced addresses are counted as a problem."""

    def __init__(
        self, run: dict[str, Any], at: str, members: Members, roots: tuple[Absolute, ...] = ()
    ) -> None:
        """``roots``: folders that somebody else says are the root, after all that the run says."""
        self._members = members
        self._at = at
        self._given = roots
        self._bases = self._read_bases(run)
        self.artifacts = [
            self._artifact(raw, place) for place, raw in members.stream(run, "artifacts", at)
        ]
        self._mapped = self._read_mapped(run)
        self._mapped_bases = {root.base for root in self._mapped if not root.uri}
        self._roots = self._read_roots(run)
        self._paths: dict[Address, str | None] = {}
        self._lost: set[Address] = set()

    def place(self, location: dict[str, Any], at: str) -> tuple[str, str | None]:
        """The address as written, and the path below the root or None, of an artifactLocation."""
        members = self._members
        uri = members.text(location, "uri", at)
        address = Address(uri, members.text(location, "uriBaseId", at))
        index = members.integer(location, "index", at)
        if index is not None:
            address = self._outermost(index, address, at)
        return members.shelf.same(uri or address.uri), self._path(address)

    def path_of(self, location: dict[str, Any], at: str) -> str | None:
        """The path of a location object (3.28), None where it names no file below the root."""
        physical = self._members.object(location, "physicalLocation", at)
        where = f"{at}/physicalLocation"
        artifact = self._members.object(physical, "artifactLocation", where)
        return self.place(artifact, f"{where}/artifactLocation")[1] if artifact else None

    def place_file(self, name: str) -> str | None:
        """The path below the root of a plain file name, which is not percent-encoded."""
        name = self._members.clean(name, self._at)
        absolute = _absolute(name, encoded=False)
        return self._below_roots(absolute) if absolute else _relative(name, encoded=False)

    def place_artifact(self, index: int) -> str | None:
        """The path of run.artifacts[index]; of a nested one, the path of what contains it."""
        at = f"{self._at}/artifacts/{index}"
        shelf = self._members.shelf
        kept = shelf.kept
        path = self._path(self._outermost(index, Address("", ""), at))
        shelf.kept = kept  # the artifact's texts were counted when it was read
        return path

    def report_lost(self) -> None:
        """Record once how many addresses have no place below the root."""
        if self._lost:
            first = min(self._lost).uri[:200]
            number = f"{len(self._lost)}{' or more' if len(self._lost) == MOST_ADDRESSES else ''}"
            what = f"addresses not below a known root: {number}, such as {first!r}"
            self._members.problem(self._at, what)

    def _artifact(self, raw: Any, at: str) -> Artifact:
        members = self._members
        if type(raw) is not dict:
            members.refuse(at, "must be an object")
        location = members.object(raw, "location", at)
        hashes = members.object(raw, "hashes", at)
        address = self._address(location, f"{at}/location") if location else _NOWHERE
        digest = members.text(hashes, "sha-256", f"{at}/hashes").lower()
        members.shelf.kept += len(address.uri) + len(address.base) + len(digest)
        members.count_kept("artifacts", at)
        return Artifact(
            address=address,
            parent=members.integer(raw, "parentIndex", at),
            examined=_NOT_EXAMINED.isdisjoint(members.texts(raw, "roles", at)),
            digest=digest,
            configures=not _CONFIGURES.isdisjoint(members.texts(raw, "roles", at)),
        )

    def _path(self, address: Address) -> str | None:
        if address in self._paths:
            return self._paths[address]
        path = self._resolve(address)
        if path is None and address.uri and len(self._lost) < MOST_ADDRESSES:
            self._lost.add(address)
        # Most addresses are their paths: one text for both.
        shelf = self._members.shelf
        shelf.kept += 2 * OVERHEAD + (0 if path == address.uri else len(address.uri))
        path = shelf.same(address.uri if path == address.uri else path)
        if len(self._paths) < MOST_ADDRESSES:
            self._paths[address] = path
        return path

    def _outermost(self, index: int, address: Address, at: str) -> Address:
        """The artifact's own address where the location has none; its container's if nested."""
        seen: set[int] = set()
        nested = False
        while index not in seen and index < len(self.artifacts) and len(seen) < MOST_PARENTS:
            seen.add(index)
            artifact = self.artifacts[index]
            if nested or not address.uri:
                address = artifact.address
            if artifact.parent is None:
                return address
            index, nested = artifact.parent, True
        what = "an index that refers to no artifact"
        if index in seen or len(seen) == MOST_PARENTS:
            what = "artifacts that contain each other, or are nested too deep"
        self._members.problem(at, what, once=True)
        return address

    def _address(self, location: dict[str, Any], at: str) -> Address:
        uri = self._members.text(location, "uri", at)
        return Address(uri.strip(), self._members.text(location, "uriBaseId", at))

    def _read_bases(self, run: dict[str, Any]) -> dict[str, Address]:
        bases = self._members.object(run, "originalUriBaseIds", self._at)
        at = f"{self._at}/originalUriBaseIds"
        self._members.count(len(bases), self._members.limits.entries, "base ids", at)
        return {
            name: self._address(self._members.object(bases, name, at), f"{at}/{escape(name)}")
            for name in bases
        }

    def _read_mapped(self, run: dict[str, Any]) -> tuple[Address, ...]:
        """Where the repository was checked out, as versionControlProvenance says."""
        found = self._members.objects(run, "versionControlProvenance", self._at)
        mapped = [
            self._address(self._members.object(entry, "mappedTo", at), f"{at}/mappedTo")
            for at, entry in found
        ]
        return tuple(address for address in mapped if address.uri or address.base)

    def _read_roots(self, run: dict[str, Any]) -> tuple[Absolute, ...]:
        """Absolute roots, the most trusted first; of several bases the outermost."""
        named = [Address("", name) for name in self._bases if _ROOT_NAME.fullmatch(name)]
        bases = sorted(self._absolutes(named), key=lambda root: (len(root.segments), root))
        folders = [
            self._address(self._members.object(entry, "workingDirectory", at), at)
            for at, entry in self._members.objects(run, "invocations", self._at)
        ]
        found = [*self._absolutes(self._mapped), *bases, *self._absolutes(folders)]
        own = [root for root in dict.fromkeys(found) if root.segments]
        return (*own[:MOST_ROOTS], *self._given)

    def _absolutes(self, addresses: list[Address] | tuple[Address, ...]) -> list[Absolute]:
        texts = [self._chain(address)[0] for address in addresses]
        return [absolute for text in texts if (absolute := _absolute(text))]

    def _chain(self, address: Address) -> tuple[str, list[Address]]:
        """The address with its bases put before it (3.14.14: concatenation), and every base
        passed on the way with what lies below it, the innermost first."""
        text, name = address
        passed: list[Address] = []
        while name and not _is_absolute(text):
            if len(passed) == MOST_BASES or any(below.base == name for below in passed):
                what = f"base id {name[:80]!r} contains itself, or is too deep"
                self._members.problem(self._at, what, once=True)
                return "", []
            passed.append(Address(text, name))
            prefix, name = self._bases.get(name, Address("", ""))
            if prefix and not prefix.endswith("/"):
                prefix += "/"
            text = prefix + text
            if len(text) > 3 * LONGEST:  # no path, and copied again for each base
                return "", []
        return text, passed

    def _resolve(self, address: Address) -> str | None:
        text, passed = self._chain(address)
        for choose in (self._mapped_bases.__contains__, _ROOT_NAME.fullmatch):
            for below in reversed(passed):
                if choose(below.base):
                    return _relative(below.uri)
        absolute = _absolute(text)
        if absolute:
            return self._below_roots(absolute)
        return None if passed else _relative(text)

    def _below_roots(self, absolute: Absolute) -> str | None:
        for root in self._roots:
            depth = len(root.segments)
            if root.origin == absolute.origin and absolute.segments[:depth] == root.segments:
                return _bounded("/".join(absolute.segments[depth:]))
        whole = "/" + "/".join(absolute.segments)
        matches = (pattern.match(whole) for pattern in _checkouts() if not absolute.origin)
        checkout = next(filter(None, matches), None)
        return _bounded(whole[checkout.end() + 1 :]) if checkout else None


@cache
def _checkouts() -> tuple[re.Pattern[str], ...]:
    """The folders that build services check out into."""
    rows = load("checkouts.json")["rows"]
    return tuple(re.compile(f"(?:{row['pattern']})(?=/)") for row in rows)


def absolute(text: str) -> Absolute | None:
    """An absolute address taken apart; None for a relative or a malformed one."""
    return _absolute(text)


def _is_absolute(text: str) -> bool:
    return text.startswith(("/", "\\")) or bool(_DRIVE.match(text) or _SCHEME.match(text))


def _absolute(text: str, *, encoded: bool = True) -> Absolute | None:
    """An absolute address taken apart; None for a relative or a malformed one."""
    if not _is_absolute(text):
        return None
    origin = ""
    scheme = None if _DRIVE.match(text) else _SCHEME.match(text)
    if scheme:
        origin, text = _authority(scheme.group().lower(), text[scheme.end() :])
    segments = _segments(text, encoded=encoded)
    if segments and _DRIVE.fullmatch(segments[0]):
        segments = (segments[0].upper(), *segments[1:])
    return None if segments is None else Absolute(origin, segments)


def _authority(scheme: str, rest: str) -> tuple[str, str]:
    """Origin and path behind a scheme (RFC 3986, 3; RFC 8089 for files)."""
    host = ""
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        rest = slash + path
    if scheme == "file:":
        return ("" if host.lower() in ("", "localhost") else f"//{host.lower()}"), rest
    return f"{scheme}//{host.lower()}", rest


def _relative(text: str, *, encoded: bool = True) -> str | None:
    """A path below the root; None when it is the root itself, leaves it, or is not text."""
    segments = None if _is_absolute(text) else _segments(text, encoded=encoded)
    return _bounded("/".join(segments)) if segments else None


def _bounded(path: str) -> str | None:
    return path if 0 < len(path) <= LONGEST else None


def _segments(text: str, *, encoded: bool) -> tuple[str, ...] | None:
    """Decoded, NFC, without dot segments (RFC 3986, 5.2.4); None if they lead outside."""
    if len(text) > 3 * LONGEST:
        return None
    try:
        plain = composed(unquote_to_bytes(text).decode() if encoded else text)
    except UnicodeDecodeError:
        return None
    if plain is None or "\x00" in plain:
        return None
    kept: list[str] = []
    for segment in plain.replace("\\", "/").split("/"):
        if segment == ".." and not kept:
            return None
        if segment == "..":
            kept.pop()
        elif segment not in ("", "."):
            kept.append(segment)
    return tuple(kept)
