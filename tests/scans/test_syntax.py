"""Whether a file still parses, in the languages that have a grammar."""

import time

import pytest

from scans.syntax import GRAMMARS, is_broken, is_known

GOOD = {
    ".py": b"def f(x):\n    return [x for x in y]\n",
    ".js": b"const f = (x) => [x];\n",
    ".jsx": b"const f = (x) => <p>{x}</p>;\n",
    ".mjs": b"export const f = async () => await g();\n",
    ".cjs": b"module.exports = function f() {};\n",
    ".ts": b"const f = (x: number): number[] => [x];\n",
    ".tsx": b"const f = (x: string) => <p>{x}</p>;\n",
    ".java": b"class A { int f(int x) { return x; } }\n",
    ".go": b"package a\n\nfunc f(x int) int { return x }\n",
    ".rb": b"def f(x)\n  [x]\nend\n",
    ".cs": b"class A { int F(int x) { return x; } }\n",
    ".php": b"<?php function f($x) { return [$x]; }\n",
}


def test_every_language_has_an_example():
    assert GOOD.keys() == GRAMMARS.keys()


@pytest.mark.parametrize("suffix", GRAMMARS)
def test_a_file_parses_until_a_bracket_is_lost(suffix):
    good = GOOD[suffix]
    assert not is_broken(f"app/file{suffix}", good)
    for bracket in (b")", b"]", b"}", b"end"):
        head, found, tail = good.rpartition(bracket)
        if found:
            assert is_broken(f"app/file{suffix.upper()}", head + tail)
            return
    pytest.fail("no bracket to lose")


def test_of_what_is_no_known_language_or_too_large_nothing_is_said():
    assert not is_known("Makefile")
    assert not is_broken("README.md", b"def f(:\n")
    assert not is_broken("big.py", b"(" * (2 * 1024 * 1024 + 1))


@pytest.mark.parametrize("hostile", [b"(" * 200_000, b"\x00\xff" * 10_000, b"a.b" * 100_000])
def test_hostile_files_are_read_in_time(hostile):
    begun = time.process_time()
    is_broken("x.py", hostile)
    assert time.process_time() - begun < 20
