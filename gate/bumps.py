"""Which versions of packages a fix moved, read from the diff of a manifest or lock file.

Only what the hunks show is known: an entry whose name lies outside them is not read. Formats:
package-lock.json and npm-shrinkwrap.json, yarn.lock, Pipfile.lock, poetry.lock, uv.lock, pdm.lock,
Cargo.lock, composer.lock, packages.lock.json, pom.xml (a name, then a version), and on one line
requirements (``name==1.0``; of ranges the least version), properties of pom.xml, go.mod and go.sum
(``name v1.0``), pnpm-lock.yaml, Gemfile.lock, gradle.lockfile, PackageReference of .NET.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gate.diff import FileDiff, Line

_NAMED = re.compile(
    r"""^\s*(?:"(?:[^"]*node_modules/)?(?P<json>(?:@[\w.-]+/)?[\w.-]+)":\s*\{"""  # npm, Pipfile
    r"""|name\s*=\s*"(?P<toml>[^"]+)"\s*$"""  # poetry, uv, pdm, Cargo
    r"""|"name":\s*"(?P<composer>[\w.-]+/[\w.-]+)",?\s*$"""
    r"""|<artifactId>(?P<maven>[\w.-]+)</artifactId>\s*$"""
    r"""|"?(?P<yarn>(?:@[\w.-]+/)?[\w.-]+)@[^:]*:\s*$)"""
)
_VERSION = re.compile(
    r"""^\s*(?:"?(?:version|resolved)"?\s*[:=]?\s*"=*v?(?P<version>\d[^"\s]*)",?"""
    r"""|<version>(?P<maven>\d[^<\s]*)</version>)\s*$"""
)
_BOTH = re.compile(
    r"^\s*(?:require\s+)?(?P<name>[\w.@/-]+)(?:\[[^\]]*\])?\s*(?:==|>=|~=|\s+v)\s*(?P<version>\d[\w.+-]*)"
    r"|^\s{2}'?/?(?P<pnpm>@?[\w.-]+(?:/[\w.-]+)?)@(?P<pnpm_version>\d[\w.+-]*)(?:\([^:]*\))?'?:"
    r"|^\s{4}(?P<gem>[\w.-]+) \((?P<gem_version>\d[\w.-]*)\)\s*$"
    r"|^(?P<gradle>[\w.-]+:[\w.-]+):(?P<gradle_version>\d[\w.+-]*)="
    r"|^\s*<(?P<property>[\w.-]+?)[.-]?[vV]ersion>(?P<property_version>\d[^<\s]*)</"
    r"""|^\s*<PackageReference\s+Include="(?P<net>[\w.-]+)"\s+Version="(?P<net_version>\d[\w.+-]*)\""""
)


@dataclass(frozen=True, slots=True)
class Bump:
    """One entry whose version the fix changed; ``old`` or ``new`` is empty where it came or went."""

    name: str
    old: str
    new: str


def bumps(file: FileDiff) -> tuple[Bump, ...]:
    """The entries of a file whose version changed, in order; the same change once."""
    found: dict[Bump, None] = {}
    for hunk in file.hunks:
        old = list(_entries((line for line in hunk.lines if line.kind != "+"), "-"))
        new = list(_entries((line for line in hunk.lines if line.kind != "-"), "+"))
        for name in dict.fromkeys(name for name, _ in (*old, *new)):
            before = [version for other, version in old if other == name]
            after = [version for other, version in new if other == name]
            for index in range(max(len(before), len(after))):
                pair = ((before[index:] or [""])[0], (after[index:] or [""])[0])
                if pair[0] != pair[1]:
                    found[Bump(name, *pair)] = None
    return tuple(found)


def _entries(lines: Iterable[Line], side: str) -> Iterator[tuple[str, str]]:
    """Name and version of each entry of one side whose version line was changed."""
    name = ""
    for line in lines:
        both, version = _BOTH.match(line.text), _VERSION.match(line.text)
        if version and name and line.kind == side:
            yield name, version["version"] or version["maven"]
        elif both and line.kind == side:
            said, number = (text for text in both.groups() if text)
            yield said.casefold(), number.removesuffix("/go.mod")
        named = _NAMED.match(line.text)
        if named:
            name = next(filter(None, named.groups())).casefold()
