"""What a database cannot hold is replaced in the same way everywhere."""

import pytest

from core.text import clean_json, clean_text, is_clean


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("\udfff\x00", "\ufffd\ufffd"),
        ("ä😀\n\t", "ä😀\n\t"),
        ("", ""),
    ],
)
def test_nul_and_lone_surrogates_become_the_replacement_character(dirty, clean):
    assert clean_text(dirty) == clean
    assert is_clean(dirty) is (dirty == clean)
    assert is_clean(clean)


def test_a_text_over_its_limit_is_cut_with_a_mark_to_exactly_the_limit():
    assert clean_text("abcdef", 4) == "abc…"
    assert clean_text("abcd", 4) == "abcd"


def test_every_text_of_a_json_value_is_cleaned_and_the_rest_is_left():
    dirty = {"a\x00": ["\ud800", 1, None, True, 1.5, {"b": "\x00"}]}
    assert clean_json(dirty) == {"a\ufffd": ["\ufffd", 1, None, True, 1.5, {"b": "\ufffd"}]}
