"""Of good fixes on stock set-ups at most one in ten may end otherwise than passed, with what we fetch."""

from tests.forges.stock_table import PAGE, page, rows


def test_nine_of_ten_good_stock_fixes_pass_with_no_more_facts_than_a_connection_brings():
    found = rows()
    others = [row for row in found if row.verdict != "pass"]
    assert len(found) >= 30
    assert len(others) * 10 <= len(found)
    assert all(row.verdict == "unknown" and row.owner for row in others)


def test_the_page_shows_the_table_as_it_is():
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text, rows())
