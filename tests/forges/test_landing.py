"""Whether a merge is what was reviewed: the same edits, at the place where the line had moved them."""

import subprocess

import pytest

from forges.services.landing import is_same_change
from gate.diff import parse

BASE = [f"line {n}" for n in range(1, 31)]


@pytest.fixture
def diff(tmp_path):
    """From one text of a file to another, as git writes it; None: the file is not there."""

    def between(one, other):
        sides = []
        for name, lines in (("a", one), ("b", other)):
            side = tmp_path / name
            side.mkdir(exist_ok=True)
            (side / "f").unlink(missing_ok=True)
            if lines is not None:
                (side / "f").write_text("\n".join(lines) + "\n")
            sides.append(name)
        call = ["git", "diff", "--no-index", "--no-prefix", "--no-color", "a", "b"]
        told = subprocess.run(call, cwd=tmp_path, capture_output=True, check=False).stdout.decode()
        return parse(told.encode(), "diff")

    return between


def changed(lines, at, *new):
    return [*lines[: at - 1], *new, *lines[at:]]


REVIEWED = changed(BASE, 20, "safe", "and sound")
MOVED = ["# new", *BASE]


def test_the_same_lines_at_the_place_that_the_line_moved_them_to_are_the_same_change(diff):
    merged = changed(MOVED, 21, "safe", "and sound")
    assert is_same_change(diff(BASE, REVIEWED), diff(MOVED, merged), diff(BASE, MOVED))


def test_what_others_changed_right_beside_it_is_no_part_of_it(diff):
    moved = changed(BASE, 18, "theirs")
    merged = changed(moved, 20, "safe", "and sound")
    assert is_same_change(diff(BASE, REVIEWED), diff(moved, merged), diff(BASE, moved))


@pytest.mark.parametrize(
    "merged",
    [
        changed(MOVED, 21, "safe", "and sound", "and more"),
        changed(MOVED, 21, "safe"),
        [*changed(MOVED, 21, "safe", "and sound"), "more"],
        changed(MOVED, 22, "safe", "and sound"),
    ],
    ids=["a line more", "a line less", "another place too", "another place"],
)
def test_another_change_is_none(diff, merged):
    assert not is_same_change(diff(BASE, REVIEWED), diff(MOVED, merged), diff(BASE, MOVED))


def test_added_lines_must_stand_between_the_same_neighbours(diff):
    ours = [*BASE[:10], "guard", *BASE[10:]]
    right = [*MOVED[:11], "guard", *MOVED[11:]]
    wrong = [*MOVED[:25], "guard", *MOVED[25:]]
    assert is_same_change(diff(BASE, ours), diff(MOVED, right), diff(BASE, MOVED))
    assert not is_same_change(diff(BASE, ours), diff(MOVED, wrong), diff(BASE, MOVED))
