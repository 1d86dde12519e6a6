"""Where addresses point below the repository root; what cannot be placed has no path."""

from __future__ import annotations

import pytest

from gate.formats import sarif_uris
from tests.gate.sarif_made import at, report, result


def path(uri: str, base: str | None = None, **run) -> str | None:
    location = {"uri": uri} | ({"uriBaseId": base} if base else {})
    found = result({"locations": [{"physicalLocation": {"artifactLocation": location}}]}, **run)
    assert found.location.uri == uri
    return found.location.path


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("app/views.py", "app/views.py"),
        ("./app//views.py", "app/views.py"),
        ("app/sub/../views.py", "app/views.py"),
        ("app\\views.py", "app/views.py"),
        ("a%20b/%C3%BC.py", "a b/ü.py"),
        ("u\u0308.py", "ü.py"),
        ("C#/100%/x?.cs", "C#/100%/x?.cs"),
        ("..%2f..%2fetc/passwd", None),
        ("../app/views.py", None),
        ("app/../../views.py", None),
        ("/etc/passwd", None),
        ("C:\\code\\file.c", None),
        ("file:///etc/passwd", None),
        ("https://example.org/x.py", None),
        ("pkg:npm/left-pad@1.0.0", None),
        ("a%00b.py", None),
        ("%ff.py", None),
        (".", None),
        ("x" * 5_000, None),
    ],
)
def test_an_address_without_a_base(uri, expected):
    assert path(uri) == expected


@pytest.mark.parametrize("name", ["%SRCROOT%", "SRCROOT", "ROOTPATH", "PROJECTROOT", "REPO_ROOT"])
def test_a_base_that_is_named_like_the_sources_needs_no_definition(name):
    assert path("src/a.py", name) == "src/a.py"
    assert path("src/a.py", name, originalUriBaseIds={name: {"uri": "file:///x/"}}) == "src/a.py"
    assert path("src/a.py", name, originalUriBaseIds={name: {"uri": "/home/x"}}) == "src/a.py"


def test_a_base_of_another_name_is_not_the_root():
    assert path("fmt/print.go", "%GOROOT%") is None
    bases = {"LOGS": {"uri": "file:///r/logs/"}, "SRCROOT": {"uri": "file:///r/"}}
    assert path("a.log", "LOGS", originalUriBaseIds=bases) == "logs/a.log"
    assert path("a.log", "LOGS", originalUriBaseIds={"LOGS": {"uri": "file:///logs/"}}) is None


def test_bases_are_put_before_each_other_and_the_outermost_root_counts():
    bases = {
        "REPOROOT": {"description": {"text": "no uri"}},
        "SRCROOT": {"uri": "src/", "uriBaseId": "REPOROOT"},
        "LIB": {"uri": "lib", "uriBaseId": "SRCROOT"},
    }
    assert path("io/kb.c", "SRCROOT", originalUriBaseIds=bases) == "src/io/kb.c"
    assert path("kb.c", "LIB", originalUriBaseIds=bases) == "src/lib/kb.c"


def test_a_base_that_contains_itself_leads_nowhere():
    bases = {"A": {"uri": "a/", "uriBaseId": "B"}, "B": {"uri": "b/", "uriBaseId": "A"}}
    assert path("x.py", "A", originalUriBaseIds=bases) is None


def test_the_mapped_root_of_version_control_counts_first():
    bases = {
        "PROJECTROOT": {"uri": "file:///work/"},
        "SRCROOT": {"uri": "src/", "uriBaseId": "PROJECTROOT"},
    }
    provenance = [{"repositoryUri": "https://x", "mappedTo": {"uriBaseId": "SRCROOT"}}]
    run = {"originalUriBaseIds": bases, "versionControlProvenance": provenance}
    assert path("list.h", "SRCROOT", **run) == "list.h"
    assert path("file:///work/src/list.h", **run) == "list.h"


@pytest.mark.parametrize(
    ("root", "uri", "expected"),
    [
        ("file:///home/ci/x", "file:///home/ci/x/app/a%20b.py", "app/a b.py"),
        ("file:///home/ci/x", "/home/ci/x/app/a.py", "app/a.py"),
        ("file:///home/ci/x/", "file://localhost/home/ci/x/./a.py", "a.py"),
        ("file:///home/ci/x", "file:///home/ci/xy/a.py", None),
        ("file:///home/ci/x", "file:///home/ci/x/../a.py", None),
        ("file:///home/ci/x", "file://server/home/ci/x/a.py", None),
        ("file:///c:/code", "C:\\code\\file.c", "file.c"),
        ("file:///", "file:///app/a.py", None),
    ],
)
def test_absolute_addresses_are_placed_below_a_known_root(root, uri, expected):
    assert path(uri, invocations=[{"workingDirectory": {"uri": root}}]) == expected
    assert path(uri, originalUriBaseIds={"%SRCROOT%": {"uri": root}}) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("file:///home/runner/work/app/app/src/a.py", "src/a.py"),
        ("file:///D:/a/app/app/src/a.cs", "src/a.cs"),
        ("/github/workspace/a.py", "a.py"),
        ("/__w/app/app/a.py", "a.py"),
        ("file:///home/runner/work/app/other/a.py", None),
        ("file:///home/runner/work/app/app", None),
    ],
)
def test_checkouts_of_hosted_runners_are_known(uri, expected):
    assert path(uri) == expected


def test_artifacts_are_found_by_index_and_nested_ones_by_what_contains_them():
    artifacts = [
        {"location": {"uri": "lib.jar", "uriBaseId": "%SRCROOT%"}},
        {"location": {"uri": "com/A.class"}, "parentIndex": 0},
        {"location": {"uri": "loop"}, "parentIndex": 2},
    ]
    found = [
        result(
            {"locations": [{"physicalLocation": {"artifactLocation": location}}]},
            artifacts=artifacts,
        ).location.path
        for location in (
            {"index": 0},
            {"index": 1},
            {"uri": "com/A.class", "index": 1},
            {"index": 9},
        )
    ]
    assert found == ["lib.jar", "lib.jar", "lib.jar", None]


def test_addresses_without_a_place_are_counted_once():
    results = [
        {"ruleId": "R", "message": {"text": "m"}, "locations": at(uri)}
        for uri in ("file:///b.py", "file:///a.py", "file:///a.py", "ok.py")
    ]
    assert report({"results": results}).problems == (
        "/runs/0: addresses not below a known root: 2, such as 'file:///a.py'",
    )


def test_only_so_many_roots_are_compared_with():
    entries = [{"repositoryUri": "x", "mappedTo": {"uri": f"file:///r/{n}/"}} for n in range(102)]
    told = [
        path(f"file:///r/{number}/a.py", versionControlProvenance=entries)
        for number in (0, sarif_uris.MOST_ROOTS - 1, sarif_uris.MOST_ROOTS)
    ]
    assert told == ["a.py", "a.py", None]
