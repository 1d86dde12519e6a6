"""Markdown and SARIF: what a developer sees in a pull request, and what other tools read."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from gate.checks import CHECKS
from gate.judgement import judge
from gate.output import SHOWN, in_json, to_markdown
from gate.policy import DEFAULT
from gate.sarif_output import to_sarif
from tests.gate.made import (
    AT,
    PAIRS,
    REF,
    SINK,
    SINK_REF,
    Document,
    document,
    evidence,
    good_facts,
    sarif,
)

LEVELS = ("none", "note", "warning", "error")
OURS = {
    "h2", "h3", "p", "strong", "ul", "li", "br", "table", "thead", "tbody", "tr", "th", "td",
    "code", "details", "summary", "sub",
}  # fmt: skip
HOSTILE = (
    "</details><script>x</script> ![i](https://evil.example/i.png) [l](//evil.example) <b> `a` "
    "@everyone #1 | ~~x~~ \\| &lt; https://evil.example www.evil.example a@evil.example\n# Title"
)


def judged(*, lamp: str = "safe", **given):
    return judge(evidence(**given), DEFAULT, lamp=lamp)


def pair(variant: str, **given):
    """A case of the real set, as the judgement itself and not as its JSON."""
    reports = {
        "before": Document("before.sarif", (PAIRS / "00_before.sarif").read_bytes()),
        "after": Document("after.sarif", (PAIRS / f"{variant}.sarif").read_bytes()),
        "diff": (PAIRS / f"{variant}.diff").read_text(),
        "findings": (REF,),
    }
    return judged(**{**reports, **given})


class Page(HTMLParser):
    """A rendered page: its tags, and its text inside and outside of code and folded parts."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.inside: list[str] = []
        self.seen = self.folded = self.outside_code = ""
        renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
        self.feed(renderer.render(markdown))

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not attrs, (tag, attrs)
        if tag != "br":
            self.inside.append(tag)

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag

    def handle_data(self, data):
        if "details" in self.inside and "summary" not in self.inside:
            self.folded += data
        else:
            self.seen += data
        if "code" not in self.inside:
            self.outside_code += data


class TestMarkdown:
    def test_what_to_do_is_seen_and_what_passed_is_folded_away(self):
        page = Page(to_markdown(pair("07_fix_introduces_new")))

        assert "The finding is gone. The fix brings in something new" in page.seen
        assert "NOTHING_NEW" in page.seen
        assert "To pass: Remove what the fix brought in and scan again." in page.seen
        for place in ("app/views.py:8", "app/views.py:9"):
            assert place in page.seen
        assert "TESTS_INTACT" not in page.seen
        assert "TESTS_INTACT" in page.folded
        assert "21 checks passed" in page.seen

    def test_a_silenced_scanner_is_never_called_gone(self):
        text = to_markdown(pair("02_nosec"))

        assert "no longer reported, but not shown to be fixed" in text
        assert "✅ gone" not in text
        assert "is gone" not in text

    def test_what_is_still_there_is_said_first(self):
        text = to_markdown(judged(after=sarif([SINK])))

        assert "**The finding is still there." in text
        assert "| `B602@app/db.py:5` | ❌ still there |" in text

    def test_what_is_not_known_is_said_to_be_not_known(self):
        text = to_markdown(judged(facts={"at": AT}))

        assert text.startswith("## ❔ Fix verification: unknown\n")
        assert "perhaps still there" in text
        assert "Whether the fix brings in anything new is not known." in text

    def test_the_other_lamp_is_left_for_later(self):
        unreviewed = good_facts() | {"reviews": []}
        page = Page(to_markdown(judged(facts=unreviewed)))
        asked = Page(to_markdown(judged(facts=unreviewed, lamp="both")))

        assert "Right? ❔ unknown (not asked here)" in page.seen
        assert "HUMAN_REVIEW" in page.folded
        assert "HUMAN_REVIEW" not in page.seen
        assert "HUMAN_REVIEW" in asked.seen

    def test_a_waiver_is_always_seen(self):
        waiver = {"check": "TESTS_INTACT", "by": "approver", "reason": "a test of nothing",
                  "until": "2026-12-31T00:00:00Z"}  # fmt: skip
        diff = {"tests/test_db.py": ("def test_a():\n    assert 1\n", None)}
        text = to_markdown(judged(facts=good_facts() | {"waivers": [waiver]}, diff=diff))

        assert "### Waived" in text
        assert "TESTS_INTACT" in text.partition("<details>")[0]

    def test_many_new_results_are_counted_and_mostly_folded(self):
        many = [SINK | {"rule": f"B3{n:02}", "path": f"app/m{n}.py"} for n in range(30)]
        text = to_markdown(judged(after=sarif(many, files=["app/db.py"])))
        seen, _, folded = text.partition("<details>")

        assert "### 30 new results to remove" in seen
        assert seen.count("| `app/m") == SHOWN
        assert "<summary>20 more to remove</summary>" in folded

    def test_very_many_new_results_are_written_as_json_in_pieces(self):
        more = SINK | {"rule": "B399", "path": "app/m.py"}
        judgement = judged(after=sarif([more], files=["app/db.py"]))
        many = replace(judgement, new=judgement.new[:1] * 20_000)
        pieces = list(in_json(many))

        assert json.loads("".join(pieces)) == many.to_dict()
        assert len(pieces) > 5
        assert max(map(len, pieces)) < 1_000_000

    def test_hostile_text_has_no_effect_on_the_page(self):
        added = SINK | {"rule": HOSTILE, "message": HOSTILE, "path": "a|b`<i>@x [y](z).py"}
        note = {"message": {"text": HOSTILE}, "level": "error"}
        invocation = [{"executionSuccessful": True, "toolExecutionNotifications": [note]}]
        text = to_markdown(judged(after=sarif([added], invocations=invocation)))
        page = Page(text)

        assert page.tags <= OURS
        assert page.inside == []
        assert "everyone" in page.outside_code
        # GitHub looks for these in the text of the finished page, outside of code.
        assert not re.search(r"@\w|#\d|www\.\w|://", page.outside_code.replace("\n", " "))
        assert "://" not in text
        assert len({line.count("|") - line.count("\\|") for line in text.splitlines()
                    if line.startswith("| ") and "Level" not in line}) <= 3  # fmt: skip

    @pytest.mark.parametrize("path", sorted(PAIRS.glob("*.diff")), ids=lambda path: path.stem)
    def test_every_page_is_whole(self, path):
        page = Page(to_markdown(pair(path.stem, lamp="both")))

        assert page.inside == []
        assert page.tags <= OURS


class TestSarif:
    @pytest.fixture
    def log(self):
        before = Document("before.sarif", (PAIRS / "00_before.sarif").read_bytes())
        after = Document("after.sarif", (PAIRS / "07_fix_introduces_new.sarif").read_bytes())
        judgement = pair("07_fix_introduces_new", before=before, after=after,
                         facts=good_facts() | {"reviews": []}, lamp="both")  # fmt: skip
        return json.loads(to_sarif(judgement, [after]))

    def test_it_is_a_log_of_version_2_1_0_with_the_runs_and_one_of_the_gate(self, log):
        assert set(log) == {"$schema", "version", "runs"}
        assert log["version"] == "2.1.0"
        assert [run["tool"]["driver"]["name"] for run in log["runs"]] == ["Bandit", "CTEM gate"]

    def test_every_result_of_the_gate_has_what_readers_need(self, log):
        own = log["runs"][-1]
        rules = own["tool"]["driver"]["rules"]

        assert own["results"]
        assert [rule["id"] for rule in rules] == [check.id for check in CHECKS]
        assert len({rule["id"] for rule in rules}) == len(rules)  # 3.19.23: unique
        for rule in rules:
            assert rule["shortDescription"]["text"]
        for result in own["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert result["level"] in LEVELS
            assert result["message"]["text"]
            for location in result["locations"]:  # GitHub shows none without a place
                place = location["physicalLocation"]
                assert place["artifactLocation"]["uri"]
                assert place.get("region", {"startLine": 1})["startLine"] >= 1

    def test_what_is_new_is_placed_where_it_is_new(self, log):
        (result,) = (r for r in log["runs"][-1]["results"] if r["ruleId"] == "NOTHING_NEW")
        places = [location["physicalLocation"] for location in result["locations"]]

        assert [place["region"]["startLine"] for place in places] == [8, 9]
        assert {place["artifactLocation"]["uri"] for place in places} == {"app/views.py"}

    def test_states_are_those_of_the_standard(self, log):
        states = {result["baselineState"] for result in log["runs"][0]["results"]}

        assert states == {"new", "unchanged"}  # 3.27.24

    def test_a_path_is_written_as_a_uri(self):
        added = SINK | {"rule": "B307", "path": "app/a b%20c#d.py"}
        after = sarif([added | {"path": "app/a%20b%2520c%23d.py"}])
        judgement = judged(after=after, findings=(SINK_REF,))
        log = json.loads(to_sarif(judgement, [document("after.sarif", after)]))
        (result,) = (r for r in log["runs"][-1]["results"] if r["ruleId"] == "NOTHING_NEW")

        assert judgement.new[0]["path"] == added["path"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == (
            "app/a%20b%2520c%23d.py"
        )
