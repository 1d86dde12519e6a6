"""Texts put into a file are drawn so that git itself makes the very file of it."""

import random
import subprocess
import time

import pytest

from gate.diff import parse
from remediations.readers.drawing import Source, Units, draw

TEXTS = ["", "x", "\n", "x\n", "x\ny", "\n\n", "a\nb\nc\n", " "]


def put(before, spans):
    after, at = [], 0
    for start, end, text in spans:
        after += [before[at:start], text]
        at = end
    return "".join([*after, before[at:]])


def applied(folder, before, diff):
    file = folder / "f.txt"
    file.write_bytes(before.encode())
    subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"], cwd=folder, input=diff.encode(), check=True,
        capture_output=True,
    )  # fmt: skip
    return file.read_bytes().decode() if file.exists() else ""


def spans_of(chance, before):
    places = sorted(
        chance.sample(range(len(before) + 1), min(len(before) + 1, chance.randint(2, 8)))
    )
    pairs = list(zip(places[::2], places[1::2], strict=False))
    return [(start, end, chance.choice(TEXTS)) for start, end in pairs]


@pytest.mark.parametrize("seed", range(8))
def test_git_makes_the_same_file_of_it(tmp_path, seed):
    chance = random.Random(seed)
    for _ in range(25):
        lines = [chance.choice(["a", "b", "same", ""]) for _ in range(chance.randint(0, 30))]
        before = "\n".join(lines) + chance.choice(["", "\n"])
        spans = spans_of(chance, before)
        diff, after = draw("f.txt", Source(before), spans), put(before, spans)
        if before == after:
            continue
        parse(diff.encode(), "diff")
        assert applied(tmp_path, before, diff) == after, (before, spans)


def test_nothing_that_changes_is_nothing():
    assert draw("f", Source("a\nb\n"), [(0, 1, "a")]) == ""


def test_a_large_file_of_alike_lines_takes_no_time():
    before = "same\n" * 400_000
    start = time.process_time()
    diff = draw(
        "f", Source(before), [(5 * n * 200, 5 * n * 200 + 4, "other") for n in range(2_000)]
    )
    assert diff.count("@@ -") == 2_000
    assert time.process_time() - start < 5


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 700])
def test_units_are_found_among_characters_of_every_width(length):
    text = "".join(random.Random(length).choices("a\u00e9\u20ac\U0001f600", k=length))
    units = Units(text, lambda part: len(part.encode()))
    begins = {len(text[:at].encode()): at for at in range(length + 1)}
    for unit in range(len(text.encode()) + 2):
        if unit in begins:
            assert units.character(unit) == begins[unit]
        else:
            with pytest.raises(LookupError, match=r"cuts|beyond"):
                units.character(unit)
