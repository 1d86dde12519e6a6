"""CLASS_SPECIFIC: revoked secrets, packages that moved, images that were replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.gate.made import AT, changed, good_facts, judged, row, sarif

SECRET = {"rule": "aws-key", "path": "app/db.py", "line": 5, "level": "warning"}
SECRET_REF = "aws-key@app/db.py:5"
WORD = {
    "finding": SECRET_REF,
    "by": "Mara Prüfer <mara@example.org>",
    "at": "2026-11-22T09:00:00Z",
    "method": "key deleted in the provider's console, ticket SEC-31",
}
SHOWN = WORD | {"source": "fetched", "evidence": "iam:GetAccessKeyLastUsed answers NoSuchEntity"}


def secret(*revocations: Mapping[str, Any], tier: str = "low") -> dict[str, Any]:
    """The answer for a secret taken out of the code."""
    facts = good_facts() | {"revocations": list(revocations)}
    for scan in ("before", "after"):
        facts = changed(facts, f"{scan}.tool_class", "secrets")
    if tier == "high":
        facts["surroundings"] = {"kev": True}
    gitleaks = {"tool": "Gitleaks", "version": "8.28.0", "rules": [{"id": "aws-key"}]}
    judgement = judged(
        before=sarif([SECRET], **gitleaks),
        after=sarif(**gitleaks),
        facts=facts,
        findings=[SECRET_REF],
    )
    return row(judgement, "CLASS_SPECIFIC")


def test_a_secret_that_is_only_out_of_the_code_is_unknown_with_its_owner():
    found = secret()

    assert found["outcome"] == "UNKNOWN"
    assert "stays in the history" in found["reason"]
    assert "Whoever owns the account" in found["to_pass"]


@pytest.mark.parametrize("revocation", [WORD, SHOWN, SHOWN | {"source": "measured"}])
def test_a_secret_that_was_revoked_passes_and_says_by_whom(revocation):
    found = secret(revocation)

    assert found["outcome"] == "PASS"
    assert "2026-11-22T09:00:00Z by Mara" in found["reason"]
    assert found["evidence"] == ["facts#/revocations/0"]


def test_the_providers_answer_counts_whoever_revoked():
    assert secret(SHOWN | {"by": "Dev Eloper <dev@example.org>"})["outcome"] == "PASS"
    assert secret(SHOWN | {"by": "rotation-bot[bot]"})["outcome"] == "PASS"


@pytest.mark.parametrize(
    ("revocation", "reason"),
    [
        (WORD | {"by": "dev@example.org"}, "who made the fix"),
        (WORD | {"by": "dependabot[bot]"}, "needs a person"),
        (WORD | {"at": "2026-11-24T09:00:00Z"}, "in the future"),
        (SHOWN | {"committed_at": "2026-11-22T10:00:00Z"}, "before the secret came in"),
        (SHOWN | {"evidence": ""}, "does not say what was seen"),
        (SHOWN | {"source": "unknown"}, "unknown only"),
    ],
)
def test_a_word_that_cannot_be_or_comes_from_the_wrong_one_does_not_count(revocation, reason):
    found = secret(revocation)

    assert found["outcome"] == "UNKNOWN"
    assert reason in found["reason"]


def test_the_high_tier_asks_for_more_than_a_word():
    assert secret(WORD, tier="high")["outcome"] == "UNKNOWN"
    assert secret(SHOWN, tier="high")["outcome"] == "PASS"


def test_a_secret_that_the_provider_still_takes_fails():
    active = SHOWN | {"state": "active", "at": "2026-11-23T09:00:00Z"}

    assert secret(WORD, active)["outcome"] == "FAIL"
    assert secret(active, SHOWN | {"at": "2026-11-23T10:00:00Z"})["outcome"] == "PASS"


# Packages


def lock(version: str, *copies: str) -> str:
    entries = "".join(
        f'    "node_modules/x{i}/node_modules/lodash": {{\n      "version": "{copy}"\n    }},\n'
        for i, copy in enumerate(copies)
    )
    return f'{{\n{entries}    "node_modules/lodash": {{\n      "version": "{version}"\n    }}\n}}\n'


def advisory(
    version: str = "4.17.20", path: str = "package-lock.json", **more: Any
) -> dict[str, Any]:
    rule, fixed = more.pop("rule", "CVE-2021-23337"), more.pop("fixed", "4.17.21")
    text = f"Package: lodash\nInstalled Version: {version}\nVulnerability {rule}\nSeverity: HIGH\n"
    text += f"Fixed Version: {fixed}"
    return {"rule": rule, "path": path, "line": 3, "level": "error", "message": text, **more}


REF = "CVE-2021-23337@package-lock.json:3"
BUMP = {"package-lock.json": (lock("4.17.20"), lock("4.17.21"))}


def package(
    after: list[dict[str, Any]] | None = None,
    diff: Mapping[str, tuple[str | None, str | None]] | None = None,
    **given: Any,
) -> dict[str, Any]:
    facts = given.pop("facts", good_facts())
    for scan in ("before", "after"):
        facts = changed(facts, f"{scan}.tool_class", None)
    judgement = judged(
        before=sarif(given.pop("before", [advisory()]), tool="Trivy", version="0.67"),
        after=sarif(after or [], tool=given.pop("tool", "Trivy"), version="0.67"),
        diff=BUMP if diff is None else diff,
        facts=facts,
        findings=[given.pop("ref", REF)],
    )
    return row(judgement, "CLASS_SPECIFIC")


def test_a_package_that_went_to_the_version_the_advisory_names_passes():
    found = package()

    assert found["outcome"] == "PASS"
    assert "lodash went from 4.17.20 to 4.17.21" in found["reason"]


def test_a_package_that_went_away_passes():
    gone = "{\n}\n"

    assert package(diff={"package-lock.json": (lock("4.17.20"), gone)})["outcome"] == "PASS"


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (advisory("4.17.21"), "package-lock.json:3"),
        (advisory("4.17.20", "web/package-lock.json"), "web/package-lock.json:3"),
    ],
)
def test_a_package_that_is_still_reported_anywhere_is_not_gone(after, said):
    found = package([after])

    assert found["outcome"] == "FAIL"
    assert said in found["reason"]


def test_an_alias_of_the_advisory_is_the_same_weakness():
    old = {"rule": "GHSA-35jh-r3h4-6jhm", "path": "package-lock.json", "line": 3, "level": "error"}
    text = "Package 'lodash@{}' is vulnerable to '{}' (also known as '{}')."
    ids = ("GHSA-35jh-r3h4-6jhm", "CVE-2021-23337")
    before = sarif(
        [old | {"message": text.format("4.17.20", *ids)}], tool="osv-scanner", version="2"
    )
    again = {**old, "rule": ids[1], "message": text.format("4.17.21", *reversed(ids))}
    facts = good_facts()
    for scan in ("before", "after"):
        facts = changed(facts, f"{scan}.tool_class", None)
    judgement = judged(
        before=before,
        after=sarif([again], tool="osv-scanner", version="2"),
        diff=BUMP,
        facts=facts,
        findings=["GHSA-35jh-r3h4-6jhm@package-lock.json:3"],
    )

    assert row(judgement, "CLASS_SPECIFIC")["outcome"] == "FAIL"


def test_a_finding_of_its_own_in_another_lock_file_does_not_block_this_one():
    other = advisory(path="api/package-lock.json")

    assert package([other], before=[advisory(), other])["outcome"] == "PASS"


@pytest.mark.parametrize(
    ("diff", "reason"),
    [
        ({"package-lock.json": (lock("4.17.20"), lock("4.99.0"))}, "nothing shows that 4.99.0 exists"),
        ({"package-lock.json": (lock("4.17.20"), lock("3.0.0"))}, "not known to be newer"),
        ({"package.json": ('"lodash": "4.17.20"\n', '"lodash": "4.17.21"\n')}, "Nothing shows which version"),
        ({"package-lock.json": (lock("4.17.20", "4.17.20"), lock("4.17.21", "4.17.19"))}, "not known to be newer"),
    ],
)  # fmt: skip
def test_a_version_that_nothing_shows_to_be_repaired_is_unknown(diff, reason):
    found = package(diff=diff)

    assert found["outcome"] == "UNKNOWN"
    assert reason in found["reason"]


RELEASE = {"package": "pkg:npm/lodash", "version": "4.17.22", "exists": True, "source": "fetched"}


@pytest.mark.parametrize(
    ("release", "outcome"),
    [
        (RELEASE, "PASS"),
        (RELEASE | {"exists": False}, "FAIL"),
        (RELEASE | {"yanked": True}, "FAIL"),
        (RELEASE | {"version": "4.17.23"}, "UNKNOWN"),
        (RELEASE | {"package": "pkg:pypi/lodash"}, "UNKNOWN"),
        (RELEASE | {"source": "declared"}, "UNKNOWN"),
    ],
)
def test_a_look_up_says_whether_a_version_exists(release, outcome):
    facts = good_facts() | {"releases": [release]}
    diff = {"package-lock.json": (lock("4.17.20"), lock("4.17.22"))}

    assert package(diff=diff, facts=facts)["outcome"] == outcome


def test_a_lock_file_has_to_move_with_its_manifest():
    old = advisory(path="go.mod")
    old["message"] = old["message"].replace("lodash", "example.org/a")
    diff = {"go.mod": ("require example.org/a v4.17.20\n", "require example.org/a v4.17.21\n")}
    known = changed(good_facts(), "fix.blobs", {"go.mod": "a" * 40, "go.sum": "b" * 40})
    ref = "CVE-2021-23337@go.mod:3"

    assert package(before=[old], diff=diff, ref=ref)["outcome"] == "PASS"
    found = package(before=[old], diff=diff, ref=ref, facts=known)
    assert found["outcome"] == "UNKNOWN"
    assert "go.sum beside it" in found["reason"]


def test_a_misconfiguration_that_trivy_found_is_no_package():
    old = {"rule": "AVD-DS-0002", "path": "Dockerfile", "line": 1, "level": "error",
           "message": "Artifact: Dockerfile\nType: dockerfile\nVulnerability DS002\nSeverity: HIGH"}  # fmt: skip
    diff = {"Dockerfile": ("FROM a:1\n", "FROM a:1\nUSER app\n")}

    assert (
        package(before=[old], diff=diff, ref="AVD-DS-0002@Dockerfile:1")["outcome"]
        == "NOT_APPLICABLE"
    )


# Images

IMAGE_REF = "CVE-2021-23337@shop/web:3"


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ("alpine:3.10", "alpine:3.20", "PASS"),
        ("alpine:3.10", "alpine:3.10@sha256:" + "a" * 64, "PASS"),
        ("alpine:3.10", "alpine:latest", "UNKNOWN"),
        ("alpine:3.10", "alpine", "UNKNOWN"),
        ("alpine:3.10", "alpine:3.9", "UNKNOWN"),
        ("alpine:3.10", "alpine:3.10", "UNKNOWN"),
    ],
)
def test_an_image_has_to_be_replaced_by_one_that_says_what_it_is(old, new, outcome):
    before = [advisory(path="shop/web")]
    diff = {"Dockerfile": (f"FROM {old}\nRUN a\n", f"FROM {new}\nRUN b\n")}

    assert package(before=before, diff=diff, ref=IMAGE_REF)["outcome"] == outcome


def test_an_image_that_still_has_the_package_is_not_gone():
    before, after = [advisory(path="shop/web")], [advisory("4.17.20", "shop/web")]
    diff = {"Dockerfile": ("FROM alpine:3.10\n", "FROM alpine:3.20\n")}

    assert package(after, diff, before=before, ref=IMAGE_REF)["outcome"] == "FAIL"


def test_a_base_image_does_not_repair_a_lock_file_nobody_touched():
    diff = {"Dockerfile": ("FROM alpine:3.10\n", "FROM alpine:3.20\n")}

    assert package(diff=diff)["outcome"] == "UNKNOWN"


def test_the_time_of_the_made_facts_is_later_than_what_is_told_of_them():
    assert WORD["at"] < AT


# Who chose the version


BOT = "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>"
DEV = "Dev Eloper <dev@example.org>"


def _by(author: str, *hands: str) -> dict[str, Any]:
    facts = changed(good_facts(), "fix.author", author)
    commits = [
        {"message": "Bump", "author": hand, "committer": "GitHub <noreply@github.com>"}
        for hand in hands
    ]
    return changed(facts, "fix.commits", commits or None)


@pytest.mark.parametrize(
    ("author", "hands", "version", "outcome"),
    [
        (BOT, (), "4.18.1", "PASS"),
        (BOT, (BOT, BOT), "4.18.1", "PASS"),
        (BOT, (), "5.0.0", "PASS"),
        (BOT, (BOT, DEV), "4.18.1", "UNKNOWN"),
        (DEV, (DEV,), "4.18.1", "UNKNOWN"),
        (DEV, (DEV,), "4.17.21", "PASS"),
    ],
)
def test_what_a_dependency_bot_alone_offers_exists_and_has_to_be_repaired(
    author, hands, version, outcome
):
    diff = {"package-lock.json": (lock("4.17.20"), lock(version))}

    assert package(diff=diff, facts=_by(author, *hands))["outcome"] == outcome


def test_a_version_below_all_that_are_repaired_is_unknown_whoever_moved_it():
    named = advisory("4.17.19") | {
        "message": advisory("4.17.19")["message"].replace("4.17.21", "4.17.30")
    }
    diff = {"package-lock.json": (lock("4.17.19"), lock("4.17.20"))}
    found = package(before=[named], diff=diff, facts=_by(BOT))

    assert found["outcome"] == "UNKNOWN"
    assert "below" in found["reason"]


def test_a_secret_that_was_never_live_needs_the_word_of_another_person():
    never = WORD | {"state": "never_live", "method": "an example for tests"}

    assert secret(never)["outcome"] == "PASS"
    assert "never live" in secret(never)["reason"]
    assert secret(never | {"by": "Dev Eloper <dev@example.org>"})["outcome"] == "UNKNOWN"
    assert secret(never | {"by": "coderabbitai"})["outcome"] == "UNKNOWN"


def test_a_password_that_a_sast_tool_found_is_a_secret():
    hit = {"rule": "B105", "path": "app/db.py", "line": 5, "level": "warning"}
    found = row(judged(before=sarif([hit]), findings=["B105@app/db.py:5"]), "CLASS_SPECIFIC")

    assert found["outcome"] == "UNKNOWN"
    assert "is a secret" in found["reason"]
    assert "never live" in found["to_pass"]
