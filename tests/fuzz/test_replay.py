"""Every input of the corpus, and every one that once broke a reader, goes through in no time."""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from random import Random

import pytest

from tests.fuzz import mutations

FOLDER = Path(__file__).parent
TARGETS = ("reader", "diff")
MOST_SECONDS = 3.0  # of processor time, of the slowest machine; most take a hundredth
MOST_BYTES = 200_000  # of all inputs together
INPUTS = sorted(
    path.relative_to(FOLDER)
    for kind in ("corpus", "crashers")
    for path in FOLDER.joinpath(kind).glob("*/*")
)


@pytest.mark.parametrize("path", INPUTS, ids=str)
def test_every_kept_input_is_read_or_refused_in_time(path):
    target = importlib.import_module(f"tests.fuzz.{path.parts[1]}")
    began = time.process_time()
    target.check(FOLDER.joinpath(path).read_bytes())
    assert time.process_time() - began < MOST_SECONDS


@pytest.mark.parametrize("name", TARGETS)
def test_changed_inputs_are_read_or_refused_too(name):
    target = importlib.import_module(f"tests.fuzz.{name}")
    random = Random(1)
    paths = [path for path in INPUTS if path.parts[1] == name]
    for path in paths:
        changed = mutations.CHANGES[name](FOLDER.joinpath(path).read_bytes(), random)
        if changed is not None:
            target.check(changed)


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_stays_small_and_the_dictionary_is_read(name):
    assert any(path.parts[1] == name for path in INPUTS)
    assert len(mutations.words(name)) > 20
    assert sum(FOLDER.joinpath(path).stat().st_size for path in INPUTS) < MOST_BYTES
