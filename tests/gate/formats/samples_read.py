"""What the tests of formats share: samples read, and reports made from JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gate import formats
from gate.errors import InputError
from gate.records import Report, Result, Run

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> Run:
    """The one run of a sample."""
    (run,) = formats.read(name, (SAMPLES / name).read_bytes()).runs
    return run


def log_of(name: str) -> Any:
    """A JSON sample as Python has it."""
    return json.loads((SAMPLES / name).read_bytes())


def read(log: Any) -> Report:
    """A made report, which is text, bytes or JSON."""
    text = log if isinstance(log, str | bytes) else json.dumps(log)
    return formats.read("report", text.encode() if isinstance(text, str) else text)


def run(log: Any) -> Run:
    """The one run of a made report, about which nothing may be a problem."""
    found = read(log)
    assert found.problems == ()
    (one,) = found.runs
    return one


def only(log: Any) -> Result:
    """The one result of a made report."""
    (result,) = run(log).results
    return result


def refusal(log: Any) -> str:
    """The sentence by which a made report is refused."""
    with pytest.raises(InputError) as caught:
        read(log)
    return str(caught.value)
