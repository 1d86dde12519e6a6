"""CODEOWNERS files: whose a path is, and which lines count for nothing."""

import random
import subprocess
import time

import pytest

from core.errors import BadInput, TooLarge
from scopes.codeowners import MAX_BYTES, MAX_LINES, MAX_SECTIONS, MAX_WILD, read
from scopes.statuses import Dialect

# pattern → paths that it matches, paths that it does not
GITHUB = {
    "*": (["a", "a/b.py", "a/b/c"], []),
    "*.js": (["a.js", "src/a.js", "a.js/b"], ["a.jsx", "src/js"]),
    "web": (["web", "web/a", "src/web", "src/web/b/c"], ["web.py", "src/webs"]),
    "/web": (["web", "web/a"], ["src/web", "webs/a"]),
    "web/": (["web/a", "src/web/a/b"], ["web", "src/web"]),
    "/build/logs/": (["build/logs/a", "build/logs/b/c"], ["build/logs", "src/build/logs/a"]),
    "docs/*": (["docs/a.md"], ["docs/a/b.md", "src/docs/a.md", "docs"]),
    "docs/api": (["docs/api", "docs/api/a"], ["src/docs/api", "docs/apis"]),
    "/*": (["a"], ["a/b"]),
    "/s*": (["src", "src/a/b", "s"], ["a/src"]),
    "apps/*/main.py": (["apps/x/main.py"], ["apps/main.py", "apps/x/y/main.py"]),
    "**/logs": (["logs", "a/logs/b", "a/b/logs"], ["a/log"]),
    "/a/**/z": (["a/z", "a/b/z", "a/b/c/z", "a/b/z/y"], ["z", "b/a/z"]),
    "/a/**": (["a/b", "a/b/c"], ["a", "b/a/c"]),
    "/**": (["a", "a/b"], []),
    "/a/**/b*/**/z?": (["a/b/z1", "a/x/bc/y/b/z2"], ["a/b/z", "a/x/z1"]),
    "a*b*a": (["aba", "axbxa", "x/abba"], ["ab", "abab"]),
    r"with\ space.md": (["with space.md", "a/with space.md"], ["with", "space.md"]),
    r"a\*": (["a*"], ["ab"]),
    "file.c++": (["file.c++"], ["file.c"]),
    "/": ([], ["a", "a/b"]),
}
GITLAB = {
    "web": (["web", "a/web"], ["web/a"]),  # a directory needs its slash
    "web/": (["web/a", "a/web/b/c"], ["web"]),
    "ee/docs": (["ee/docs", "a/ee/docs"], ["ee/docs/a"]),  # a slash within anchors nothing
    "/docs/": (["docs/a/b"], ["a/docs/b"]),
    "/docs/*": (["docs/a"], ["docs/a/b"]),
    r"\#file": (["#file"], ["file"]),
}


def owned(pattern, dialect, path):
    told = read(f"{pattern} @o\n", dialect)
    assert told.problems == ()
    return bool(told.owners_of(path))


@pytest.mark.parametrize("pattern", GITHUB)
def test_patterns_mean_what_github_says(pattern):
    yes, no = GITHUB[pattern]
    assert [p for p in yes if not owned(pattern, Dialect.GITHUB, p)] == []
    assert [p for p in no if owned(pattern, Dialect.GITHUB, p)] == []


@pytest.mark.parametrize("pattern", GITLAB)
def test_patterns_mean_what_gitlab_says(pattern):
    yes, no = GITLAB[pattern]
    assert [p for p in yes if not owned(pattern, Dialect.GITLAB, p)] == []
    assert [p for p in no if owned(pattern, Dialect.GITLAB, p)] == []


FILE = """\ufeff# Everything is somebody's
*           @acme/all  ada@example.org

*.py        @acme/python   # inline
/app/       @acme/app
/app/github
/app/*.py   @acme/app-python
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("README", ("@acme/all", "ada@example.org")),
        ("lib/a.py", ("@acme/python",)),
        ("app/x/a.py", ("@acme/app",)),
        ("app/a.py", ("@acme/app-python",)),
        ("/app/a.py", ("@acme/app-python",)),
        ("app/github/a.js", ()),
    ],
)
def test_the_last_line_that_matches_counts_and_one_without_owners_takes_a_path_out(path, owners):
    assert read(FILE).owners_of(path) == owners


def test_a_literal_and_a_wildcard_are_weighed_by_their_lines_alone():
    first = read("/a/b @one\n*.py @two\n")
    assert first.owners_of("a/b/c.py") == ("@two",)
    assert read("*.py @two\n/a/b @one\n").owners_of("a/b/c.py") == ("@one",)


BROKEN = {
    "!docs @a": "cannot be negated",
    r"\#file @a": "cannot be escaped",
    "a[bc].py @a": "ranges in [ ]",
    "a/***/b @a": "three stars",
    "a.py someone": "'someone' is no owner",
    "a.py @": "is no owner",
    f"{'a*' * 21} @a": "more wildcards than allowed (> 20)",
    f"{'a' * 1001} @a": "longer than allowed (1001 > 1000)",
    "a.py " + "@a " * 101: "more owners than allowed (> 100)",
    "a.py a@" + "." * 400 + "@": "is no owner",
}


@pytest.mark.parametrize("line", BROKEN)
def test_a_line_that_cannot_be_used_is_told_by_its_number_and_the_others_count(line):
    told = read(f"# one\n* @all\n{line}\n", Dialect.GITHUB)
    (problem,) = told.problems
    assert problem.startswith("line 3: ") and BROKEN[line] in problem
    assert told.owners_of("a.py") == ("@all",)


SECTIONS = """
* @default
[Documentation]
ee/docs @docs
README.md @docs

^[Database][2] @dba @dba-lead
*.sql
/migrations/ @migrations

[documentation]
README.md @writers
"""


def test_owners_of_all_sections_add_up_and_headings_stand_in():
    told = read(SECTIONS)
    assert told.dialect is Dialect.GITLAB and told.problems == ()
    assert told.owners_of("a/x.sql") == ("@default", "@dba", "@dba-lead")
    assert told.owners_of("migrations/x.sql") == ("@default", "@migrations")
    assert told.owners_of("README.md") == ("@default", "@writers")
    assert len(told.sections) == 3


def test_a_line_without_owners_needs_a_section_with_some():
    told = read("[A]\n*.py\n")
    assert told.problems == ("line 2: names no owner, and its section has none",)


def test_a_pattern_in_brackets_makes_no_file_gitlabs():
    assert read("[id]/page.tsx @a\n").dialect is Dialect.GITHUB


def test_a_file_has_limits_that_are_named():
    with pytest.raises(
        TooLarge, match=rf"larger than allowed \({MAX_BYTES + 1} > {MAX_BYTES} bytes"
    ):
        read(b"#" * (MAX_BYTES + 1))
    with pytest.raises(TooLarge, match=f"> {MAX_LINES}"):
        read("\n" * (MAX_LINES + 1))
    with pytest.raises(BadInput, match="file, line 2: is not UTF-8"):
        read(b"* @a\n\xff @b\n")
    with pytest.raises(BadInput, match="file, line 3: holds NUL"):
        read("* @a\n\n\0 @b\n")


def test_many_problems_are_counted():
    told = read("x[ @a\n" * 300, Dialect.GITHUB)
    assert len(told.problems) == 101 and told.problems[-1] == "and 200 lines more"


def test_no_pattern_and_no_owner_takes_long():
    began = time.process_time()
    told = read("**/" + "a*" * 19 + "b @o\n" + "/x/**/a*/**/a*/**/a*/**/b @p\n")
    path = "x/" + "/".join(["a" * 120] * 30)
    for n in range(200):
        assert told.owners_of(f"{path}{n}") == ()
    read("\n".join("a@" + "." * 250 + "@ " * 3 for _ in range(5_000)))
    assert time.process_time() - began < 3


def test_a_large_file_is_read_and_asked_quickly():
    began = time.process_time()
    told = read("\n".join(f"/service-{n}/src/ @team-{n}" for n in range(40_000)))
    for n in range(40_000):
        assert told.owners_of(f"service-{n}/src/a/b.py") == (f"@team-{n}",)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("pattern", ["*.x{}", "name-{}", "**/name-{}/", "/**/*.x{}"])
def test_names_and_endings_at_any_depth_are_looked_up(pattern):
    began = time.process_time()
    told = read("\n".join(f"{pattern.format(n)} @team-{n}" for n in range(20_000)))
    for n in range(5_000):
        assert told.owners_of(f"a/name-{n}/b.c.x{n}") == (f"@team-{n}",)
    assert told.problems == () and time.process_time() - began < 5


def test_a_name_an_ending_and_a_wildcard_are_weighed_by_their_lines_alone():
    lines = ["web @name", "*.py @ending", "w?b @wild", "/web/a.py @place"]
    for turn in range(4):
        now = lines[turn:] + lines[:turn]
        assert read("\n".join(now)).owners_of("web/a.py") == (now[-1].split()[1],)


def test_what_would_have_to_be_tried_one_by_one_is_bounded_and_told():
    told = read("\n".join(f"/a/*{n}x @o" for n in range(MAX_WILD + 2)))
    assert told.rules == MAX_WILD
    assert told.problems[0] == (
        f"line {MAX_WILD + 1}: more patterns with wildcards within than allowed (> {MAX_WILD})"
    )
    told = read("\n".join(f"[section {n}]\n/a @o{n}" for n in range(MAX_SECTIONS + 1)))
    assert len(told.owners_of("a")) == told.rules == MAX_SECTIONS - 1
    assert told.problems == (
        f"line {2 * MAX_SECTIONS - 1}: more sections than allowed (> {MAX_SECTIONS})",
        f"line {2 * MAX_SECTIONS + 1}: more sections than allowed (> {MAX_SECTIONS})",
    )


# --- beside git ------------------------------------------------------------------------------------
NAMES = ("a", "b", "ab", "ba", "c.d")
PARTS = ("a", "b", "a*", "*b", "?", "*", "**", "a*b", "c.?", "*.d")


def patterns(chance, number):
    """Patterns that mean the same in gitignore: those that end in a lone star, or in **/, do not."""
    while number:
        parts = [chance.choice(PARTS) for _ in range(chance.randint(1, 4))]
        if parts[-1] not in ("*", "**"):
            number -= 1
            end = "/" if chance.random() < 0.3 else ""
            yield f"{chance.choice(['', '/'])}{'/'.join(parts)}{end}"


def test_patterns_match_what_git_ignores(tmp_path):
    chance = random.Random(7)
    paths = [
        "/".join(chance.choice(NAMES) for _ in range(chance.randint(1, 4))) for _ in range(150)
    ]
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for pattern in patterns(chance, 80):
        (tmp_path / ".gitignore").write_text(f"{pattern}\n")
        command = ["git", "check-ignore", "--no-index", "--stdin"]
        done = subprocess.run(
            command, cwd=tmp_path, input="\n".join(paths), capture_output=True, text=True
        )
        told = read(f"{pattern} @o\n", Dialect.GITHUB)
        ours = {path for path in paths if told.owners_of(path)}
        assert ours == set(done.stdout.split()), pattern
