"""Random results under random diffs: one-to-one, the same in whatever order, never an exception."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from gate.diff import parse
from gate.matching import match
from tests.gate.made import git_diff
from tests.gate.test_matching import CALL, results

CODE = [
    CALL.rstrip(), "run(", "    cmd,", ")", "", "except Exception:", "    pass", "it's [", "x = 1  # \u00e9",
    "def start_the_other_one():", '"quoted', "\\",
]  # fmt: skip
SIDE = st.none() | st.lists(st.sampled_from(CODE), max_size=9)
RENAMED = "diff --git a/{0} b/{1}\nsimilarity index 100%\nrename from {0}\nrename to {1}\n"
BINARY = (
    "diff --git a/{0} b/{0}\nindex 1111111..2222222 100644\nBinary files a/{0} and b/{0} differ\n"
)


@st.composite
def diffs(draw):
    """A diff of the files that ``results`` lie in, and of what they were or became."""
    texts = {path: (draw(SIDE), draw(SIDE)) for path in draw(st.sets(st.sampled_from(PATHS)))}
    whole = {
        path: tuple(
            None if side is None else "".join(f"{line}\n" for line in side) for side in sides
        )
        for path, sides in texts.items()
        if sides != (None, None)
    }
    extra = draw(
        st.sampled_from(["", RENAMED.format("b.py", "z.py"), RENAMED.format("z.py", "b.py")])
    )
    extra = "" if "b.py" in whole else extra or draw(st.sampled_from(["", BINARY.format("b.py")]))
    return parse((git_diff(whole) + extra).encode())


PATHS = ["app.py", "b.py", "new.py"]
SPOTS = st.tuples(
    results(), st.sampled_from([*PATHS, "z.py", None]), st.sampled_from([*CODE, None])
)
SCANS = st.lists(
    SPOTS.map(lambda spot: replace(spot[0], location=replace(spot[0].location, path=spot[1], snippet=spot[2]))),
    max_size=12,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(SCANS, SCANS, diffs())
def test_under_any_diff_every_result_is_paired_once_or_left_alone(before, after, diff):
    found = match(before, after, diff)
    olds, news = [pair.before for pair in found.pairs], [pair.after for pair in found.pairs]
    assert sorted((*olds, *found.unmatched_before)) == list(range(len(before)))
    assert sorted((*news, *found.unmatched_after)) == list(range(len(after)))
    assert set(found.contested) <= set(found.unmatched_before)
    assert all(pair.reason.isprintable() for pair in found.pairs)


@settings(max_examples=120, deadline=None)
@given(SCANS, SCANS, diffs(), st.randoms(use_true_random=False))
def test_under_any_diff_the_order_of_the_results_does_not_matter(before, after, diff, random):
    shuffled = [random.sample(scan, len(scan)) for scan in (before, after)]
    assert told(before, after, diff) == told(*shuffled, diff)
    assert match(before, after, diff) == match(before, after, diff)


def told(before, after, diff):
    """What was paired, contested and left, in terms of what the results say."""
    found = match(before, after, diff)
    return (
        sorted(
            (repr(before[pair.before]), repr(after[pair.after]), pair.stage) for pair in found.pairs
        ),
        sorted(repr(before[index]) for index in found.contested),
        sorted(repr(after[index]) for index in found.unmatched_after),
    )
