"""Versions that a fix moved, read from the diffs of manifests and lock files."""

from __future__ import annotations

import pytest

from gate.bumps import Bump, bumps
from gate.diff import parse
from tests.gate.made import git_diff


def moved(path: str, old: str, new: str) -> tuple[Bump, ...]:
    return bumps(parse(git_diff({path: (old, new)}).encode(), "fix.diff").files[0])


@pytest.mark.parametrize(
    ("path", "entry", "name"),
    [
        (
            "package-lock.json",
            '  "node_modules/@a/lodash": {\n    "version": "1.2.3",\n',
            "@a/lodash",
        ),
        ("yarn.lock", 'lodash@^4.17.0:\n  version "1.2.3"\n', "lodash"),
        ("poetry.lock", '[[package]]\nname = "Django"\nversion = "1.2.3"\n', "django"),
        ("Pipfile.lock", '        "requests": {\n            "version": "==1.2.3"\n', "requests"),
        ("requirements.txt", "Requests[socks]==1.2.3\n", "requests"),
        ("go.sum", "example.org/a v1.2.3 h1:abc=\n", "example.org/a"),
        ("pdm.lock", 'name = "Jinja2"\nversion = "1.2.3"\n', "jinja2"),
        ("composer.lock", '  "name": "twig/twig",\n  "version": "v1.2.3",\n', "twig/twig"),
        ("packages.lock.json", '  "Json.Net": {\n    "resolved": "1.2.3"\n', "json.net"),
        (
            "pom.xml",
            "<artifactId>log4j-core</artifactId>\n<version>1.2.3</version>\n",
            "log4j-core",
        ),
        ("pnpm-lock.yaml", "  /@a/lodash@1.2.3(x@1.0.0):\n    resolution: {}\n", "@a/lodash"),
        ("Gemfile.lock", "  specs:\n    rack (1.2.3)\n", "rack"),
        ("gradle.lockfile", "org.slf4j:slf4j-api:1.2.3=classpath\n", "org.slf4j:slf4j-api"),
        ("App.csproj", '  <PackageReference Include="Dapper" Version="1.2.3" />\n', "dapper"),
    ],
)
def test_an_entry_that_moved_is_read(path: str, entry: str, name: str) -> None:
    assert moved(path, entry, entry.replace("1.2.3", "1.2.4")) == (Bump(name, "1.2.3", "1.2.4"),)


def test_an_entry_that_stayed_is_not_read() -> None:
    entry = 'name = "a"\nversion = "1.0"\n'
    assert moved("Cargo.lock", entry, entry + '\nname = "b"\nversion = "2.0"\n') == (
        Bump("b", "", "2.0"),
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pnpm-lock.yaml", "    lodash@1.2.3: {}\n"),  # of another depth: no entry of its own
        ("Gemfile.lock", "      rack (1.2.3)\n"),  # what another gem asks for
        ("pom.xml", "<version>1.2.3</version>\n"),  # nobody says of what
        ("package.json", '  "scripts": { "build": "x 1.2.3" }\n'),
    ],
)
def test_what_is_no_entry_is_not_read(path: str, text: str) -> None:
    assert moved(path, text, text.replace("1.2.3", "1.2.4")) == ()
