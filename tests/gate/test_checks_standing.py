"""Standing approvals: what an owner allowed once for dependency bots, and nothing more."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gate.bump_only import more_than_bumps
from gate.diff import parse
from gate.patches import patch_id
from gate.policy import DEFAULT, differences, load
from gate.provenance import dependency_bot
from tests.gate.made import (
    GOOD_DIFF,
    HEAD,
    NEW,
    OLD,
    OTHER,
    changed,
    git_diff,
    good_facts,
    judged,
    row,
)

BOT = "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>"
HOST = "GitHub <noreply@github.com>"
BUMP = {
    "requirements.txt": ("django==5.2.1\nrequests==2.32.0\n", "django==5.2.2\nrequests==2.32.0\n"),
    "package-lock.json": ('{\n  "version": "1.0.0",\n  "integrity": "sha512-a"\n}\n',
                          '{\n  "version": "1.0.1",\n  "integrity": "sha512-b",\n  "x": {}\n}\n'),
}  # fmt: skip
APPROVAL = {
    "owner": "Mara Prüfer <mara@example.org>",
    "covers": {"bots": ["Dependabot"], "ecosystems": ["Python", "npm"]},
    "reason": "Versions are tested by the pipeline",
    "from": "2026-01-01T00:00:00Z",
    "until": "2026-12-31",
    "at": "2025-12-20T09:00:00Z",
}


def facts_of_bot() -> dict[str, Any]:
    facts = good_facts() | {"reviews": [], "standing_approvals": [copy.deepcopy(APPROVAL)]}
    facts["fix"]["author"] = BOT
    facts["commits"] = [{"id": HEAD, "message": "Bump django", "author": BOT, "committer": HOST}]
    return facts


def review(facts: dict[str, Any] | None = None, diff: Any = None, **given: Any) -> dict[str, Any]:
    judgement = judged(
        lamp="right", facts=facts or facts_of_bot(), diff=BUMP if diff is None else diff, **given
    )
    return row(judgement, "HUMAN_REVIEW")


def test_a_standing_approval_covers_a_bots_bump_and_is_named():
    found = review()

    assert found["outcome"] == "PASS"
    assert "standing approval of Mara Prüfer <mara@example.org>" in found["reason"]
    assert "Versions are tested by the pipeline" in found["reason"]


def test_without_one_the_bump_waits_for_a_person():
    facts = facts_of_bot()
    del facts["standing_approvals"]

    assert review(facts)["outcome"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("standing_approvals.0.owner", "dependabot[bot]", "its owner is no person"),
        ("standing_approvals.0.reason", "", "gives no reason"),
        ("standing_approvals.0.until", "2026-11-20", "it ended"),
        ("standing_approvals.0.from", "2026-12-01T00:00:00Z", "too late"),
        ("standing_approvals.0.at", "2026-11-24T00:00:00Z", "too late"),
        ("standing_approvals.0.covers.bots", ["Renovate"], "does not speak of Dependabot"),
        (
            "standing_approvals.0.covers.ecosystems",
            ["Python"],
            "does not speak of package-lock.json",
        ),
        ("fix.author", "Dev Eloper <dev@example.org>", "is not known to be of a dependency bot"),
        (
            "commits.0.author",
            "Dev Eloper <dev@example.org>",
            "is not known to be of a dependency bot",
        ),
        ("commits.0.committer", "Dev Eloper <dev@example.org>", "Dev Eloper"),
        ("commits.0.message", "Bump\n\nCo-authored-by: Mara <mara@example.org>", "had a hand in"),
        ("fix.author", None, "not all of its commits are known"),
        ("commits", [], "not all of its commits are known"),
        ("fix.agent", "Copilot", "said to be automation, by Copilot"),
        ("fix.merged_at", "2025-12-25T00:00:00Z", "too late"),
    ],
)
def test_a_standing_approval_covers_nothing_else(path, value, reason):
    facts = facts_of_bot()
    inner: Any = facts
    *parents, last = path.split(".")
    for parent in parents:
        inner = inner[int(parent)] if parent.isdigit() else inner[parent]
    inner[last] = value
    found = review(facts)

    assert found["outcome"] == "UNKNOWN"
    assert reason in found["reason"]


def test_the_owner_is_nobody_who_had_a_hand_in_it():
    facts = facts_of_bot()
    facts["standing_approvals"][0]["owner"] = "GitHub <noreply@github.com>"

    assert review(facts)["outcome"] == "UNKNOWN"


def test_manifests_may_be_named_by_globs():
    facts = facts_of_bot()
    facts["standing_approvals"][0]["covers"] = {
        "bots": ["dependabot[bot]"],
        "manifests": ["*.txt", "*.json"],
    }

    assert review(facts)["outcome"] == "PASS"


def test_the_high_tier_does_not_accept_one_unless_the_policy_says_so():
    facts = facts_of_bot() | {"surroundings": {"kev": True}}
    found = review(facts)
    assert found["outcome"] == "UNKNOWN"
    assert "accepts none at the high tier" in found["reason"]

    text = DEFAULT.to_toml().replace(b"standing_approvals = false", b"standing_approvals = true")
    assert review(facts, policy=load(text, "lenient"))["outcome"] == "PASS"


def test_a_rejection_outweighs_it():
    facts = facts_of_bot()
    facts["reviews"] = [
        {"reviewer": "security-lead", "kind": "human", "commit": HEAD, "decision": "rejected"}
    ]

    assert review(facts)["outcome"] == "FAIL"


def test_a_policy_that_says_nothing_of_standing_approvals_accepts_none():
    lines = DEFAULT.to_toml().splitlines(keepends=True)
    older = load(b"".join(line for line in lines if not line.startswith(b"standing_")), "older")

    assert review(policy=older)["outcome"] == "UNKNOWN"
    assert "low: standing_approvals False -> True" in differences(older, DEFAULT)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (BUMP, ""),
        ({"go.mod": ("require a.b/c v1.2.3\n", "require a.b/c v1.3.0\n")}, ""),
        ({"Dockerfile": ("FROM a:1.2\nRUN x\n", "FROM a:1.3\nRUN x\n")}, ""),
        ({"pom.xml": ("<version>1.2</version>\n", "<version>1.3</version>\n")}, ""),
        ({"package.json": ('  "lodash": "^4.17.20"\n', '  "lodash": "^4.17.21"\n')}, ""),
        ({"requirements.txt": ("a==1.0 \\\n    --hash=sha256:aa\n",
                               "a==1.1 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n")}, ""),
        ({"yarn.lock": ('a@1:\n  resolved "https://r.example/a-1"\n',
                        'a@1:\n  resolved "https://r.example/a-2"\n')}, ""),
        ({"yarn.lock": ('a@1:\n  resolved "https://r.example/a-1"\n',
                        'a@1:\n  resolved "https://evil.example/a-2"\n')}, "from evil.example"),
        ({}, "it changes nothing"),
        (GOOD_DIFF, "app/db.py is no manifest"),
        ({"package.json": ('  "test": "jest"\n', '  "test": "true"\n')}, "in more than versions"),
        ({"package.json": ('  "lodash": "4.17.20"\n', '  "1odash": "4.17.21"\n')}, "in more than versions"),
        ({"package.json": ('  "lodash": "^4.17.20"\n', '  "lodash": ">=4.17.21"\n')}, "in more than versions"),
        ({"package.json": ('  "a": "1.0"\n', '  "a": "1.1",\n  "b": "1.0"\n')}, "in more than versions"),
        ({"Dockerfile": ("RUN get a-1.2\n", "RUN get a-1.3\n")}, "in more than versions"),
        ({"setup.cfg": ("skips = B602\n", "skips = B603\n")}, "in more than versions"),
        ({"requirements.txt": (None, "a==1.0\n")}, "not only changed in its lines"),
    ],
)  # fmt: skip
def test_a_bump_changes_versions_and_nothing_else(files, said):
    told = more_than_bumps(parse(git_diff(files).encode(), "fix.diff"))

    assert said in told
    assert bool(said) == bool(told)


@pytest.mark.parametrize(
    ("who", "bot"),
    [
        (BOT, "Dependabot"),
        ("dependabot[bot]", "Dependabot"),
        ("Renovate <29139614+renovate[bot]@users.noreply.github.com>", "Renovate"),
        ("github-actions[bot]", ""),
        ("snyk-bot@snyk.io", ""),
        ("Jane <dependabot@example.org>", ""),
    ],
)
def test_only_dependency_bots_of_the_catalogue_are_meant(who, bot):
    assert dependency_bot(who) == bot


# A base update


def test_an_approval_survives_a_base_update_whose_patch_is_identical():
    told = git_diff(GOOD_DIFF)
    approved = told.replace("@@ -2,4 +2,4 @@", "@@ -42,4 +42,4 @@")
    assert approved != told
    review = {"reviewer": "security-lead", "kind": "human", "commit": OTHER, "decision": "approved"}
    facts = good_facts() | {"reviews": [review]}
    assert row(judged(facts=facts), "HUMAN_REVIEW")["outcome"] != "PASS"

    review["patch_id"] = patch_id(parse(approved.encode(), "older.diff"))
    assert row(judged(facts=facts), "HUMAN_REVIEW")["outcome"] == "PASS"


@pytest.mark.parametrize(
    "other",
    [
        {"app/db.py": (OLD, NEW.replace("split()", "split() "))},
        {"app/db.py": (OLD, NEW.replace("    return", "        return"))},
        {"app/other.py": (OLD, NEW)},
        {**GOOD_DIFF, "app/more.py": (None, "x = 1\n")},
    ],
)
def test_any_other_patch_is_another_one(other):
    def of(files: Any) -> str:
        return patch_id(parse(git_diff(files).encode(), "fix.diff"))

    assert of(other) != of(GOOD_DIFF)


def test_a_patch_with_a_binary_file_is_known_by_nothing():
    text = "diff --git a/x.png b/x.png\nindex 1111111..2222222 100644\nBinary files a/x.png and b/x.png differ\n"

    assert patch_id(parse(text.encode(), "fix.diff")) == ""


def test_the_made_facts_are_of_a_person():
    assert changed(good_facts(), "at", None)["fix"]["author"].startswith("Dev")
