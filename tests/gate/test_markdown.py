"""Text that is not to be trusted has no effect in Markdown, on any code host."""

import pytest
from markdown_it import MarkdownIt

from gate.markdown import as_code, as_text

EFFECTS = [
    ("@acme/admins", "@acme"), ("#7", "#7"), ("GH-9", "GH-9"), ("gh-9", "gh-9"), ("!12", "!12"),
    ("$3", "$3"), ("%4", "%4"), ("https://evil.example", "://"), ("www.evil.example", "www."),
    ("one\n/merge", "\n"), ("\x1b[31m", "\x1b"), ("a\u202eb", "\u202e"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "effect"), EFFECTS)
def test_what_a_host_would_look_for_is_parted(text, effect):
    assert effect not in as_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "**bold** _em_ ~~gone~~",
        "`code` ``` ~~~",
        "[a](b) ![c](d) <e@f.g>",
        "<b>x</b> &lt;",
        "| a | b |",
    ],
)
def test_a_reader_sees_the_text_as_it_is(text):
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(f"- {as_text(text)}")
    (inline,) = [token for token in tokens if token.type == "inline"]
    assert {token.type for token in inline.children} <= {"text", "text_special"}
    assert "".join(token.content for token in inline.children).replace("\u2060", "") == text


def test_a_name_is_code_only_where_nothing_can_end_it():
    assert as_code("app/view.py:7") == "`app/view.py:7`"
    assert "`" not in as_code("a`b").replace("\\`", "")
