"""Documents read through a window: what comes out, and what is refused where, is what a reader of
the whole document sees; and a large file takes little memory."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gate import compact, formats
from gate.errors import InputError
from gate.evidence import Document as Evidence
from gate.formats import content, json_window, shelf
from gate.formats.content import File
from gate.formats.json_text import Document, Elements, Keep, Stream
from gate.formats.limits import Limits
from gate.records import Level, Location, Result
from tests.gate.sarif_made import at, driver, log

ROOT = Path(__file__).parents[2]
LEAST = Limits()
WHOLE = 1 << 18  # a window that holds every document of these tests
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.sampled_from('ab\\"[{]},: 01e-\n\u00e9\u20ac\U0001f600\x00\ud800'), max_size=9),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.sampled_from('ab\\"\u00e9'), max_size=3), inner, max_size=4),
    max_leaves=25,
)  # fmt: skip
SHAPES = st.sampled_from(
    [Keep.WHOLE, Keep.NOTHING, Stream(99, "x"), {"*": Stream(99, "x")}, {"a": Keep.NOTHING}]
)


@contextlib.contextmanager
def windows_of(size: int, walk: int = 1 << 22) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "BLOCK", size)
        patch.setattr(json_window, "WALK", walk)
        yield


def loaded(data: Any, shape: Any = Keep.WHOLE, limits: Limits = LEAST) -> Any:
    """The value, its streamed arrays as lists; or the refusal."""
    try:
        return told(Document(data, "f", limits).load(shape))
    except InputError as error:
        return str(error)


def told(value: Any) -> Any:
    if isinstance(value, Elements):
        elements = list(value)
        assert len(elements) == len(value)
        return elements
    if isinstance(value, dict):
        return {key: told(child) for key, child in value.items()}
    return [told(child) for child in value] if isinstance(value, list) else value


# --- the window ------------------------------------------------------------------------------


@settings(deadline=None)
@given(JSON, st.integers(1, 40), st.integers(1, 60), st.integers(0, 2), st.booleans())
@example(1.5e300, 1, 1, 0, False)
@example([1e5, -0.5], 2, 1, 0, False)
def test_through_a_window_of_any_size_a_document_reads_as_a_whole(
    value, size, walk, indent, ascii_
):
    text = json.dumps(value, indent=indent or None, ensure_ascii=ascii_)
    data = text.encode("utf-8", "replace")
    expected = json.loads(data)
    with windows_of(size, walk):
        assert loaded(data) == expected
        assert loaded(data, Stream(99, "x")) == expected
        assert loaded(data, {"*": {"*": Stream(99, "x")}}) == expected
        assert loaded(data, Keep.NOTHING) is None


@settings(deadline=None, max_examples=300)
@given(JSON, SHAPES, st.integers(0, 200), st.sampled_from([*'",:[]{}\\x1 ', "", "\x01", "NaN"]),
       st.integers(1, 30), st.integers(1, 60))  # fmt: skip
def test_a_broken_document_is_refused_at_the_same_byte_by_every_window(
    value, shape, place, damage, size, walk
):
    text = json.dumps(value, ensure_ascii=False)
    place %= len(text)
    data = (text[:place] + damage + text[place + 1 :]).encode("utf-8", "replace")
    with windows_of(WHOLE):
        expected = loaded(data, shape)
    with windows_of(size, walk):
        assert loaded(data, shape) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 7, WHOLE])
@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b'["a", {"b": 1, "b": 2}]', "f at byte 20: member 'b' is given twice in one object"),
        (b'[{"b": [1, NaN]}]', "f at byte 11: in the value that starts here: NaN is not JSON"),
        (b"[1, 1e999]", "f at byte 4: in the value that starts here: number 1e999 is beyond"),
        (b"[1, 1e9990]", "f at byte 4: in the value that starts here: number 1e9990 is beyond"),
        (b'["ab\xff"]', "f at byte 4: not UTF-8: invalid start byte"),
        (b'["ab\xe2\x82', "f at byte 4: not UTF-8: unexpected end of data"),
        (b'["\xe2\x82\xac", tru]', "f at byte 8: not JSON: Expecting value"),
        (b'["\xe2\x82\xac"', "f at byte 6: not JSON: Expecting ',' delimiter"),
        (b'["abc', "f at byte 1: not JSON: Unterminated string starting at"),
        (b"[[[[1]]]]", "f at byte 3: nested deeper than allowed (> 3)"),
        (b"[1, 123456]", "f at byte 4: a number with more digits than allowed (> 5)"),
    ],
)
def test_the_place_of_a_refusal_does_not_depend_on_the_window(size, data, refusal):
    with windows_of(size):
        assert loaded(data, limits=Limits(depth=3, digits=5)).startswith(refusal)


@pytest.mark.parametrize("size", [1, 50, 401, 403, WHOLE])
def test_a_number_whose_beginning_is_beyond_a_double_is_read_to_its_end(size):
    data = b"[%s.5e-300, {}]" % (b"1" * 400)
    with windows_of(size, walk=1):
        assert loaded(data) == loaded(data, Stream(9, "things")) == json.loads(data)


def test_an_endless_text_is_refused_where_it_begins_and_not_at_its_end():
    data = b'{"a": "\\"x", "b": "' + b"y\\\\" * 500
    with windows_of(100):
        found = loaded(data, limits=Limits(element=1_000))
    assert found == "f at byte 18: a text longer than allowed (> 1000 bytes)"


def test_endless_white_space_is_refused():
    with windows_of(100):
        found = loaded(b"[1," + b" \n" * 5_000, limits=Limits(element=1_000))
    assert found == "f at byte 1100: more white space in a row than allowed (> 1000 bytes)"


@pytest.mark.parametrize("size", [1, 10, WHOLE])
def test_an_element_that_is_too_large_is_refused_with_its_pointer(size):
    data = json.dumps({"a": [{"x": [1] * 10}, {"x": [1] * 100}]}).encode()
    with windows_of(size, walk=8):
        found = loaded(data, {"a": Stream(9, "things")}, Limits(element=200))
        assert found.startswith("f#/a/1: larger than allowed (> 200 characters or")
        assert loaded(data, {"a": Keep.NOTHING}, Limits(element=200)) == {"a": None}


def test_an_element_larger_than_the_window_is_read():
    value = [{"x": ["y" * 1000, {"z": list(range(500))}]}, 2]
    with windows_of(16):
        assert loaded(json.dumps(value).encode(), Stream(9, "things")) == value


def test_streams_of_one_name_count_together():
    data = b'{"a": [1, 2], "b": [3, 4]}'
    shape = {"*": Stream(3, "things")}
    assert loaded(data, shape, Limits()) == "f#/b: more things than allowed (4 > 3)"


def test_it_is_known_whether_a_member_is_there_without_reading_on():
    assert Document(b'{"a": [1], "runs": broken', "f", Limits()).names("runs") == {"runs"}
    assert Document(b'{"a": {"runs": 1}}', "f", Limits()).names("runs") == {"a"}
    assert Document(b"[1]", "f", Limits()).names("runs") == set()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be"])
def test_other_encodings_are_hashed_and_refused_as_they_were_given(encoding):
    mark = "" if encoding == "utf-8-sig" else "\ufeff"
    data = (mark + '["\u20ac", "\U0001f600"]').encode(encoding)
    with windows_of(3):
        document = Document(data, "f", Limits())
        assert document.load() == ["\u20ac", "\U0001f600"]
    assert (document.sha256, document.size) == (hashlib.sha256(data).hexdigest(), len(data))
    broken = (mark + '["\u20ac" "\U0001f600"]').encode(encoding)
    place = 10 if encoding == "utf-8-sig" else 12
    assert loaded(broken) == f"f at byte {place}: not JSON: Expecting ',' delimiter"


def test_a_utf_16_document_is_held_in_memory_and_may_not_be_large():
    found = loaded("\ufeff[1, 2]".encode("utf-16-le"), limits=Limits(transcoded=13))
    assert found == "f: a UTF-16 document larger than allowed (14 > 13 bytes)"


# --- files -----------------------------------------------------------------------------------


def many(number: int, **result: Any) -> bytes:
    results = [
        {"ruleId": f"R{i % 3}", "message": {"text": f"{i} é"}, "locations": at(f"f{i % 7}.py", startLine=i + 1),
         "partialFingerprints": {"h": f"{i:064x}"}} | result
        for i in range(number)
    ]  # fmt: skip
    run = {"results": results, "artifacts": [{"location": {"uri": f"f{i}.py"}} for i in range(7)]}
    return json.dumps(log({**run, "tool": driver(rules=[{"id": "R1"}])})).encode()


@pytest.mark.parametrize("size", [64, 1000, WHOLE])
def test_a_file_reads_as_its_bytes_do(tmp_path, size):
    data = many(50)
    path = tmp_path / "x.sarif"
    path.write_bytes(data)
    expected = formats.read("x", data)
    with windows_of(size):
        assert formats.read("x", File(path)) == expected
    assert Evidence("x", File(path)).data == data


def test_a_file_that_changes_between_its_two_readings_is_refused(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(b"[1, 2, 3]")
    elements = Document(File(path), "x", Limits()).load(Stream(9, "things"))
    assert list(elements) == [1, 2, 3]
    path.write_bytes(b"[1, 2, 4]")
    with pytest.raises(InputError, match="was changed while it was read"):
        list(elements)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"none: cannot be read \(No such file or directory\)"):
        File(tmp_path / "none")


def test_a_pipe_is_held_in_memory_within_bounds(tmp_path):
    assert content.opened("/dev/null", 10) == b""
    with pytest.raises(InputError, match="more than 10 bytes"):
        content.opened("/dev/zero", 10)


# --- records ---------------------------------------------------------------------------------


def packed_result() -> tuple[Result, Result]:
    text = "flows into the query without being checked " * 9
    kind = compact.packer(text)
    place = Location("a", "a", 1, snippet=compact.packed("short", kind))  # type: ignore[arg-type]
    fields: dict[str, Any] = {"tool": "T", "rule": "R", "rule_key": "R", "level": Level.NOTE}
    fields |= {"pointer": "/runs/0/results/7", "fingerprints": (("a", "1"), ("b", "é\ud800"))}
    small = Result(message=compact.packed(text + "é", kind), location=place, **fields)  # type: ignore[arg-type]
    return small, Result(
        message=text + "é", location=Location("a", "a", 1, snippet="short"), **fields
    )


def test_packed_records_are_the_same_records():
    small, plain = packed_result()
    assert small == plain
    assert hash(small) == hash(plain)
    assert repr(small) == repr(plain)
    assert dataclasses.asdict(small) == dataclasses.asdict(plain)
    assert dataclasses.replace(small, tool="U").message == plain.message
    assert pickle.loads(pickle.dumps(small)) == copy.deepcopy(small) == plain  # noqa: S301


@pytest.mark.parametrize(
    ("pointer", "prints"),
    [
        ("/runs/01/results/2", (("a\0b", "c"),)),
        ("/results/3", (("", ""),)),
        ("", ()),
        ("/runs/1/results/0", ()),
    ],
)
def test_fields_that_cannot_be_stored_small_stay_as_they_are(pointer, prints):
    plain = dataclasses.replace(packed_result()[1], pointer=pointer, fingerprints=prints)
    assert (plain.pointer, plain.fingerprints) == (pointer, prints)


def test_a_report_of_many_texts_reads_as_one_whose_texts_were_not_packed(monkeypatch):
    data = many(40, message={"text": "the value reaches the sink without being checked " * 6})
    plain = formats.read("x", data)
    monkeypatch.setattr(shelf, "PACKED_FROM", 0)
    assert formats.read("x", data) == plain


# --- memory ----------------------------------------------------------------------------------

PEAK = """
import sys
from gate import formats
from gate.formats.content import File
report = formats.read("x", File(sys.argv[1]))
# Not ru_maxrss, in which the process that started this one lives on.
(peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(report.runs[0].results), int(peak) // 1024)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_a_file_of_200_mb_is_read_in_less_memory_than_it_has_bytes(tmp_path):
    path = tmp_path / "large.sarif"
    flows = [{"threadFlows": [{"locations": [{"location": at("f.py")[0]}] * 30}]}]
    entry = json.dumps({"ruleId": "R", "message": {"text": "m"}, "codeFlows": flows})
    with path.open("w") as file:
        file.write('{"version": "2.1.0", "runs": [{"results": [')
        file.write(entry)
        file.writelines([f",\n{entry}"] * (200_000_000 // len(entry) - 1))
        file.write('], "tool": {"driver": {"name": "T"}}}]}')
    command = [sys.executable, "-c", PEAK, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    number, peak = map(int, done.stdout.split())
    assert number == 200_000_000 // len(entry)
    assert peak < 100
