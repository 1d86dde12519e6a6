"""One fix: who wrote it, what it changes with the results on its lines, and its review."""

from itertools import pairwise

import pytest

from remediations.models import Remediation, Review
from tests import factories as make
from tests.code import facts_of, sarif_of
from tests.pages.markup import Page

BAD = "def show(text):\n    return eval(text)\n"
UGLY = "<img src=x onerror=alert(1)>"


@pytest.fixture
def see(world, browse):
    def page(fix, role="analyst"):
        return Page(browse(world.member(role)).get(fix.get_absolute_url()))

    return page


def lines_with_marks(page):
    """The text of each line of the diff that has something drawn below it → what."""
    rows = [e for e in page.all("tr") if e.within("table").attributes.get("class") == "diff"]
    found = {}
    for line, mark in pairwise(rows):
        if mark.attributes.get("class") == "mark":
            found[line.text.lstrip("0123456789 ")] = mark.text
    return found


def fix_with(world, content, **report):
    code = make.fixed_code(world.open.line, world.open).change({world.open.path: content})
    fix = make.make_remediation(world.open, code=code)
    make.upload_and_ingest(world.asset, sarif_of(code, **report), facts_of(code), remediation=fix)
    return fix


def test_the_original_is_drawn_where_it_was_and_gone(see, world):
    make.scan_fix(world.fix)
    marks = lines_with_marks(see(world.fix))
    (line,) = [line for line in marks if "pickle.loads" in line]
    assert f"{world.open} is gone" in marks[line]


def test_what_came_in_is_drawn_on_its_line(see, world):
    marks = lines_with_marks(see(fix_with(world, BAD)))
    (line,) = [line for line in marks if "eval(text)" in line]
    assert marks[line].startswith("New: B307 (warning)")


def test_an_original_that_is_still_there_is_drawn_at_its_new_place(see, world):
    fix = fix_with(world, "import os\n\n\ndef show(text):\n    return pickle.loads(text)\n")
    page = see(fix)
    marks = lines_with_marks(page)
    said = " ".join(marks.values()) + " ".join(e.text for e in page.with_class("mark-fail"))
    assert f"{world.open} is still there" in said


def test_an_added_suppression_is_drawn_on_its_line(see, world):
    marks = lines_with_marks(
        see(fix_with(world, "def show(text):\n    return pickle.loads(text)  # nosec\n"))
    )
    assert "Suppression added" in " ".join(marks.values())


def test_who_wrote_it_is_told_with_the_signals_and_an_absent_one_is_unknown(see, world):
    assert "That is unknown, not human." in see(world.fix).text
    trailer = "Fix it\n\nCo-authored-by: Copilot <198982749+Copilot@users.noreply.github.com>\n"
    commit = {"id": "a" * 40, "message": trailer, "author": "Dev <d@example.org>", "committer": ""}
    fix = make.make_remediation(world.fresh, commits=[commit])
    page = see(fix)
    assert page.with_class("badge-ai")[0].text.startswith("AI-")
    assert "confidence" in page.text


def test_text_of_the_diff_is_text(see, world):
    fix = fix_with(world, f"def show(text):\n    return '{UGLY}'\n")
    Remediation.objects.filter(pk=fix.pk).update(title=UGLY, agent=UGLY, url="javascript:alert(1)")
    page = see(fix)
    assert "<img" not in page.content
    assert UGLY in page.text
    assert not [link for link in page.links() if link.startswith("javascript")]


def test_a_person_reviews_the_revision_that_they_saw(world, browse, see):
    make.scan_fix(world.fix)
    client = browse(world.member("approver"))
    url = f"{world.fix.get_absolute_url()}reviews/"
    body = {"decision": "approved", "commit": world.fix.head_commit, "comment": "Reads well."}
    page = Page(client.post(url, body, follow=True))
    assert "Your review of" in page.with_class("callout-pass")[0].text
    assert "Reads well." in page.text
    assert [e.text for e in page.with_class("lamp-card")][1].startswith("Right? pass")
    assert Review.objects.filter(remediation=world.fix).count() == 1


def test_a_review_of_an_older_revision_is_refused(world, browse):
    old = world.fix.head_commit
    make.push(world.fix)
    client = browse(world.member("approver"))
    url = f"{world.fix.get_absolute_url()}reviews/"
    page = Page(client.post(url, {"decision": "approved", "commit": old}, follow=True))
    assert "is not the newest" in page.with_class("callout-fail")[0].text
    assert not Review.objects.filter(remediation=world.fix).exists()


def test_nobody_reviews_their_own_fix_and_is_told_so(world, browse, see):
    page = see(world.fix, "developer")
    button = page.control("Review")
    assert button.attributes["aria-disabled"] == "true"
    assert "Nobody reviews their own fix" in page.told_by(button)
    url = f"{world.fix.get_absolute_url()}reviews/"
    body = {"decision": "approved", "commit": world.fix.head_commit}
    told = Page(browse(world.member("developer")).post(url, body, follow=True))
    assert "Nobody reviews their own fix" in told.with_class("callout-fail")[0].text


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_who_may_not_review_is_told_so(see, world, role):
    page = see(world.fix, role)
    assert "does not allow you to review" in page.told_by(page.control("Review"))


def test_a_review_without_a_decision_is_shown_again_with_what_was_written(world, browse):
    client = browse(world.member("approver"))
    url = f"{world.fix.get_absolute_url()}reviews/"
    body = {"commit": world.fix.head_commit, "comment": "Half a thought."}
    response = client.post(url, body)
    assert response.status_code == 422
    assert "Half a thought." in Page(response).text


def test_the_questions_of_the_policy_are_asked_and_kept(world, browse, see):
    world.scope.exposure, world.scope.criticality = "internet", "critical"
    world.scope.save()
    fix = make.make_remediation(world.fresh, declared_origin="ai_generated")
    make.scan_fix(fix)
    page = see(fix, "approver")
    assert "Does the fix remove the root cause" in page.text
    body = {
        "decision": "approved",
        "commit": fix.head_commit,
        "answer_root_cause_removed": "Yes.",
        "answer_variants_considered": " ",
    }
    browse(world.member("approver")).post(f"{fix.get_absolute_url()}reviews/", body)
    assert Review.objects.get(remediation=fix).answers == {"root_cause_removed": "Yes."}


def test_a_fix_without_a_diff_says_what_that_means(see, world):
    fix = make.make_remediation(world.fresh, diff=None)
    assert "No diff is stored for this revision." in see(fix).text


def test_the_list_filters_by_state_and_origin(world, browse):
    client = browse(world.member("viewer"))
    assert len(Page(client.get("/remediations/")).with_class("title")) == 2
    merged = Page(client.get("/remediations/?state=merged"))
    assert [e.text for e in merged.with_class("title")] == [world.closed.remediations.get().title]
    assert "No fix matches" in Page(client.get("/remediations/?origin=automation")).text
    assert "there is no such filter" in Page(client.get("/remediations/?color=red")).text
