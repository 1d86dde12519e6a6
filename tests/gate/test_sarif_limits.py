"""Hostile reports: refused at once, in little memory, with the limit and the place named."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import InputError
from gate.formats import content, json_text, json_window
from gate.formats.json_text import Document
from gate.formats.limits import LIMITS, Limits
from gate.formats.sarif import read
from gate.formats.sarif_tool import MOST_FILLED, fill
from tests.gate.sarif_made import at, driver, log, report, result

START = b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"T"}},"properties":{"x":'
END = b'},"results":[]}]}'


def refusal(data: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(InputError) as caught:
        read("scan.sarif", data, limits)
    return str(caught.value)


@pytest.mark.parametrize(
    ("bomb", "told"),
    [
        (b"[" * 1_000_000, "at byte 137: nested deeper than allowed (> 64)"),
        (b'{"a":' * 200_000, "nested deeper than allowed (> 64)"),
        (b'"\\"[[[' + b"[" * 500_000, "at byte 500086: not JSON"),
        (b"9" * 1_000_000, "at byte 77: a number with more digits than allowed (> 1000)"),
        (b"-0." + b"1" * 1_001, "at byte 80: a number with more digits than allowed (> 1000)"),
        pytest.param(
            b"[" + b"[]," * 1_500_000 + b"1]",
            "properties/x: an array of more elements than allowed (> 1000000)",
            marks=pytest.mark.slow,
        ),
        (b"NaN", "in the value that starts here: NaN is not JSON"),
        (b"-Infinity", "in the value that starts here: -Infinity is not JSON"),
        (b"1e999", "number 1e999 is beyond the range of a double"),
        (b'{"a":1,"b":{"c":1,"c":2}}', "member 'c' is given twice in one object"),
        (b'"\xff"', "at byte 78: not UTF-8: invalid start byte"),
        (b'"\x00"', "at byte 78: not JSON: Invalid control character at"),
        (b"1,,", "not JSON: Expecting property name"),
    ],
    ids=lambda value: value[:12].decode(errors="replace") if isinstance(value, bytes) else "",
)
def test_a_bomb_is_refused_at_once(bomb, told):
    data = START + bomb + END
    start = time.process_time()
    assert told in refusal(data)
    assert time.process_time() - start < 10
    tracemalloc.start()  # apart: it takes most of the time
    refusal(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * len(data) + 40_000_000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "scan.sarif at byte 0: not JSON: Expecting value"),
        (
            b'{"runs":[{}],"runs":[]}',
            "scan.sarif at byte 20: member 'runs' is given twice in one object",
        ),
        (b'{"version":"2.1.0","runs":[]} x', "scan.sarif at byte 30: more text after"),
        (b'{"version":"2.1.0","runs":[] "a":1}', "scan.sarif at byte 29: not JSON: Expecting ','"),
        (b'{"version":"2.1.0","runs":[],}', "scan.sarif at byte 29: not JSON: Expecting property"),
        (b'{"version" "2.1.0"}', "scan.sarif at byte 11: not JSON: Expecting ':' delimiter"),
        (b'{"runs":[{"results":[1,]}]}', "scan.sarif at byte 23: not JSON: Expecting value"),
        ("\ufeff{ö}".encode(), "scan.sarif at byte 4: not JSON: Expecting property"),
        ("\ufeff{}ö".encode("utf-16-le"), "scan.sarif at byte 6: more text after"),
        (b"\xff\xfe\x00\xd8", "scan.sarif at byte 2: not UTF-16-LE"),
    ],
)
def test_what_is_not_json_is_refused_with_its_byte(text, told):
    assert refusal(text).startswith(told)


@pytest.mark.parametrize(
    ("limit", "value", "run", "told"),
    [
        ("size", 10, {}, "scan.sarif: larger than allowed (85 > 10 bytes)"),
        ("results", 1, {"results": [{}, {}]}, "#/runs/0/results: more results per file than allowed (2 > 1)"),
        ("rules", 1, {"tool": driver(rules=[{}, {}])}, "more rules per run than allowed (2 > 1)"),
        ("extensions", 0, {"tool": driver() | {"extensions": [{}]}}, "more tool extensions than allowed (1 > 0)"),
        ("artifacts", 1, {"artifacts": [{}, {}]}, "#/runs/0/artifacts: more artifacts per file than"),
        ("invocations", 1, {"invocations": [{}, {}]}, "more invocations per run than allowed (2 > 1)"),
        ("notifications", 1, {"invocations": [{"toolExecutionNotifications": [{}, {}]}]}, "more notifications"),
        ("locations", 1, {"results": [{"locations": [{}, {}]}]}, "#/runs/0/results/0/locations: more locations"),
        ("flow_locations", 1, {"results": [{"relatedLocations": [{}], "locations": [{}, {}]}]}, "more code flow"),
        ("entries", 1, {"results": [{"suppressions": [{}, {}]}]}, "more suppressions than allowed (2 > 1)"),
        ("entries", 1, {"results": [{"fingerprints": {"a": "1", "b": "2"}}]}, "more fingerprints than"),
        ("depth", 3, {}, "nested deeper than allowed (> 3)"),
        ("digits", 2, {"properties": {"x": 123}}, "a number with more digits than allowed (> 2)"),
        ("values", 5, {}, "more JSON values than allowed (> 5)"),
        ("element", 99, {"results": [{}, {"x": [0] * 99}]}, "#/runs/0/results/1: larger than allowed (> 99 char"),
        ("element", 99, {"artifacts": [{"contents": ["y" * 98]}]}, "#/runs/0/artifacts/0: larger than allowed"),
        ("element", 99, {"results": [{"x": "y" * 100}]}, "#/runs/0/results/0: larger than allowed (> 99 char"),
        ("skeleton", 30, {}, "more beside the large arrays than allowed (> 30 characters"),
        ("skeleton_values", 9, {"invocations": [{}] * 9}, "than allowed (> 67108864 characters or 9 values)"),
        ("kept", 340, {"results": [{"guid": "g" * 50}] * 2}, "#/runs/0/results/1: more text in results than all"),
    ],
)  # fmt: skip
def test_every_limit_is_told_with_its_value(limit, value, run, told):
    with pytest.raises(InputError) as caught:
        report(run, Limits(**{limit: value}))
    assert told in str(caught.value)


def test_too_many_runs_are_refused():
    with pytest.raises(InputError, match=r"#/runs: more runs than allowed \(21 > 20\)"):
        report(runs=[{}] * 21)


def test_the_results_of_all_runs_count_together():
    runs = [{"tool": driver(), "results": [{}] * number} for number in (3, 2)]
    with pytest.raises(InputError, match=r"#/runs/1/results: more results per file .*\(5 > 4\)"):
        report(runs=runs, limits=Limits(results=4))


def test_endless_arrays_are_not_counted_to_their_end(monkeypatch):
    monkeypatch.setattr(json_text, "MOST_COUNTED", 100)
    monkeypatch.setattr(content, "BLOCK", 50)
    monkeypatch.setattr(json_window, "WALK", 50)
    with pytest.raises(InputError, match="#/runs/0/webRequests: an array of more elements than"):
        report({"webRequests": [{}] * 101})


def test_long_text_is_shortened_and_stays_different():
    first, second = (result({"message": {"text": "x" * 20_000 + end}}).message for end in "ab")
    assert len(first) <= LIMITS.text
    assert first[:15_000] == second[:15_000]
    assert first != second
    assert "20001 characters" in first


def test_text_is_clean_and_the_cleaning_is_told():
    raw = {"ruleId": "R", "message": {"text": "a\x00b\ud800c\U0001f600"}}
    found = report({"results": [raw]})
    assert found.runs[0].results[0].message == "a\ufffdb\ufffdc\U0001f600"
    assert found.problems == (
        "/runs/0/results/0/message/text: NUL or a lone surrogate was replaced by U+FFFD",
    )


def test_problems_beyond_the_limit_are_counted():
    raws = [{"ruleId": "R", "message": {"text": "m\x00"}} for _ in range(7)]
    found = report({"results": raws}, Limits(problems=3))
    assert len(found.problems) == 4
    assert found.problems[-1] == "and 4 more"


def test_arguments_cannot_blow_up_a_message():
    message = {"text": "{0}" * 5_000, "arguments": ["y" * 15_000]}
    assert len(result({"message": message}).message) <= LIMITS.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.sampled_from('ab\\"[{]}0123456789\n\u20ac')),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(JSON, st.integers(0, 3), st.integers(1, 40))
def test_the_scan_of_chunks_sees_the_depth_that_the_values_have(value, indent, chunk):
    data = json.dumps(value, indent=indent or None, ensure_ascii=False).encode()
    deep = depth(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "BLOCK", chunk)
        assert Document(data, "f", Limits(depth=deep)).load() == value
        if deep:
            with pytest.raises(InputError, match="nested deeper"):
                Document(data, "f", Limits(depth=deep - 1)).load()


def depth(value) -> int:
    if not isinstance(value, list | dict):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, inner), default=0)


def test_a_place_deep_in_a_result_is_named_by_its_pointer():
    with pytest.raises(InputError) as caught:
        report({"results": [{}, {"locations": [*at("a"), {"physicalLocation": []}]}]})
    assert caught.value.where == "scan.sarif#/runs/0/results/1/locations/1/physicalLocation"


def seconds(data: bytes) -> float:
    start = time.process_time()
    try:
        read("scan.sarif", data)
    except InputError:
        pass
    return time.process_time() - start


def test_many_arrays_behind_a_long_text_do_not_take_the_text_again_and_again():
    """What was found by looking for the offset of each from the start of the window."""
    runs = ',{"results":[]}' * 20_000
    text = '{"version":"2.1.0","runs":[{"results":["' + "\u20ac" * 2_000_000
    assert seconds((text + '"]}' + runs + "]}").encode()) < 15, "a second; from the start, minutes"


def test_artifacts_in_each_other_are_followed_only_so_far():
    nested = [{"parentIndex": index + 1} for index in range(20_000)]
    first = [{"physicalLocation": {"artifactLocation": {"index": 0}}}]
    raw = log({"artifacts": nested, "results": [{"locations": first}] * 100})
    assert seconds(json.dumps(raw).encode()) < 15, "less than a second; to their end, half a minute"
    found = report({"artifacts": nested[:60], "results": [{"locations": first}]})
    assert any("nested too deep" in problem for problem in found.problems)


def test_short_results_cannot_ask_for_long_messages_without_end():
    assert fill("{0}" * 900, ("y",), LIMITS.text) == "y" * MOST_FILLED + "{0}" * (900 - MOST_FILLED)


def test_an_address_of_marks_on_one_letter_is_no_path_and_takes_no_time():
    address = "a" + "\u0315" * 2_600 + "\u0300" * 2_600
    raws = [{"locations": at(f"{number}{address}")} for number in range(300)]
    data = json.dumps(log({"results": raws}), ensure_ascii=False).encode()
    assert seconds(data) < 10, "a tenth of a second; sorted, half a minute"
    assert result(raws[0]).location.path is None
    assert result({"locations": at("e\u0301" * 900)}).location.path == "\u00e9" * 900


@pytest.mark.parametrize("bases", [19, 20])
def test_long_bases_below_each_other_lead_nowhere(bases):
    named = {f"B{n}": {"uri": "d/" + "x" * 12_000, "uriBaseId": f"B{n + 1}"} for n in range(bases)}
    location = at("a.py")
    location[0]["physicalLocation"]["artifactLocation"]["uriBaseId"] = "B0"
    assert result({"locations": location}, originalUriBaseIds=named).location.path is None


def peak(run: dict) -> int:
    """Bytes that reading takes beyond the document."""
    data = json.dumps(log(run)).encode()
    tracemalloc.start()
    try:
        read("scan.sarif", data)
    finally:
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return found


def test_problems_of_which_each_is_another_are_not_remembered_without_end():
    few, many = (
        peak({"results": [{f"a_{n}_{m}": 0 for m in range(1_000)} for n in range(number)]})
        for number in (10, 100)
    )
    assert many < few + 3_000_000, "each of 90,000 names would take 160 bytes"


@pytest.mark.parametrize("key", ["artifacts", "threadFlowLocations", "results"])
def test_texts_of_whatever_is_read_one_by_one_count_together(key):
    makers = {
        "artifacts": lambda text: {"location": {"uri": text}},
        "threadFlowLocations": lambda text: {"location": at(text)[0]},
        "results": lambda text: {"ruleId": text},
    }
    few, many = ([makers[key](f"{n}{'x' * 3_000}") for n in range(number)] for number in (5, 40))
    report({key: few}, Limits(kept=60_000))
    told = {"threadFlowLocations": "thread flow locations"}.get(key, key)
    with pytest.raises(InputError, match=f"more text in {told} than allowed"):
        report({key: many}, Limits(kept=60_000))
