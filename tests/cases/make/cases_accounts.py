# ruff: noqa: E501 - what a case is called and shows stays on its line
"""Names in other spellings, words out of time, patches and packages of the same name."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from cases_classes import NODE, advisory, by_ai, finding, lock, package, shaped, trivy
from cases_people import ANSWERS, AUTOFIX
from cases_setups import both, push, shell, sql, start
from history import Content
from sources import SHELL_REF, SHOP, TAR_VIEWS, TEST
from story import Case, Workshop, changed, review

from gate.patches import git_patch_id

GOOD = {"app/views.py": TAR_VIEWS}
DEPENDABOT = "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>"
SETTINGS = 'REGION = "eu-central-1"\nNAME = "shop"\nPASSWORD = "not-a-real-password-4f1c"\n'


def tell(shop: Workshop) -> None:
    """All of them."""
    reviewers(shop)
    answers(shop)
    patches(shop)
    packages(shop)
    passwords(shop)
    moved_tests(shop)


def reviewers(shop: Workshop) -> None:
    def one(name: str, title: str, reviewer: str, shows: str, **more: str) -> Case:
        case = shop.case(name, "bad", title, SHOP, GOOD, SHELL_REF, **more)
        case.facts["reviews"] = [review(case.head, reviewer)]
        return case.expect(right="fail", stops="HUMAN_REVIEW", shows=shows)

    one("bad-bot-approves-without-mark", "A reviewing application approves, said to be human", "coderabbitai",
        "GitHub's GraphQL names applications without [bot].")  # fmt: skip
    one("bad-author-approves-in-another-spelling", "The author approves under another spelling", "Eloper, Dev (security)",
        "Order, brackets, quotes, titles and invisible characters make no other person.")  # fmt: skip
    one("bad-developer-of-trailer-approves", "Who developed it with the author approves", "Mara Prüfer <mara@example.org>",
        "An indented Co-developed-by, as the kernel writes it, is a hand in the fix.",
        message="Do not start a shell\n\n  Co-developed-by: Mara Prüfer <mara@example.org>\n")  # fmt: skip
    case = one("bad-approved-before-it-was-pushed", "The approval is older than the revision", "Mara Prüfer <mara@example.org>",
               "What was pushed at 09:30 was not approved the week before.")  # fmt: skip
    case.facts["reviews"][0]["at"] = "2026-11-13T10:00:00Z"
    case.expect(right="unknown", stops="HUMAN_REVIEW")
    case = shop.case(
        "good-reviewer-named-bot",
        "good",
        "A person whose name is Bot approves",
        SHOP,
        GOOD,
        SHELL_REF,
    )
    case.facts["reviews"] = [review(case.head, "Jan Bot <jan.bot@example.org>")]
    case.expect(shows="A surname, with an address of its own, makes no machine.")
    case = by_ai(
        shop.case(
            "bad-uploader-is-the-agent",
            "bad",
            "The agent's own account uploads the scan",
            SHOP,
            GOOD,
            SHELL_REF,
        )
    )
    case.fact("after.0.uploader", "copilot-swe-agent").fact("after.0.uploader_kind", "service")
    case.expect("fail", stops="INDEPENDENCE", shows="The agent is named by its product in one place, by its login in the other.")  # fmt: skip


def answers(shop: Workshop) -> None:
    def one(name: str, kind: str, title: str, second: str) -> Case:
        case = shop.case(name, kind, title, SHOP, GOOD, SHELL_REF, message=AUTOFIX)
        case.facts["reviews"] = [review(case.head, "Anna Roth <anna.roth@example.org>", answers=ANSWERS),
                                 review(case.head, second, answers=ANSWERS)]  # fmt: skip
        return case

    one("good-two-colleagues-of-like-names", "good", "Two reviewers whose names are alike", "Anna Rothe <anna.rothe@example.org>").expect(
        shows="Spelling is no difference, another name and another address are."
    )  # fmt: skip
    case = one(
        "good-answer-begins-with-no",
        "good",
        "An answer in a sentence that begins with no",
        "Noor Haddad <noor@example.org>",
    )
    case.facts["reviews"][0]["answers"] = {
        **ANSWERS,
        "variants_considered": "No other call of subprocess is in the shop.",
    }
    case.expect(shows="Only a bare no is a no.")
    case = one(
        "bad-answer-not-applicable",
        "bad",
        "A reviewer answers n/a",
        "Noor Haddad <noor@example.org>",
    )
    case.facts["reviews"][0]["answers"] = {**ANSWERS, "variants_considered": "n/a"}
    case.expect(right="unknown", stops="HUMAN_REVIEW", shows="A dash, n/a or unknown is no answer.")


def patches(shop: Workshop) -> None:
    """Approved, then the branch was updated with the base; the ids are git's own."""

    def one(name: str, kind: str, title: str, approved: str, verbatim: bool) -> Case:
        case = start(shop, name, kind, title, GOOD)
        older = shop.history.commit(
            changed(SHOP, {"app/views.py": approved}), message="Older", parents=[case.base]
        )
        patch = shop.history.diff(case.base, older).encode()
        case.facts["reviews"] = [review(older)]
        case.facts["patches"] = {older.commit: git_patch_id(patch, verbatim=verbatim)}
        return both(case, [shell(), sql()], [sql()])

    case = one(
        "good-approved-before-base-update-git",
        "good",
        "Approved, then updated; git says the patch is the same",
        TAR_VIEWS,
        True,
    )
    case.facts["reviews"][0]["commit"] = "e" * 40
    case.facts["patches"] = {"e" * 40: next(iter(case.facts["patches"].values()))}
    case.expect(shows="python -m gate facts --reviewed, or git patch-id --verbatim, prints the id.")
    dedented = TAR_VIEWS.replace("        out.add(folder)", "    out.add(folder)")
    assert dedented != TAR_VIEWS
    one("bad-approved-with-other-indentation", "bad", "Approved, then a line was indented otherwise", dedented, False).expect(
        right="unknown", stops="HUMAN_REVIEW", shows="git patch-id --stable is blind to white space, which is syntax in Python: both patches have one id."
    )  # fmt: skip


def packages(shop: Workshop) -> None:
    ref = "CVE-2021-23337@package-lock.json:6"
    change = {"package.json": package("4.18.1"), "package-lock.json": lock("4.18.1")}
    case = start(shop, "good-dependabot-newer-than-named", "good", "Dependabot moves beyond the version that the advisory names",
                 change, ref, base=NODE, setup="GitHub, Dependabot and Trivy", author=DEPENDABOT,
                 message="Bump lodash from 4.17.20 to 4.18.1\n\nBumps lodash from 4.17.20 to 4.18.1.\n")  # fmt: skip
    push(
        case,
        "before",
        case.base,
        trivy(advisory("CVE-2021-23337", "4.17.20")),
        category="trivy",
        exit_code=0,
    )
    push(case, "after", case.merge, trivy(), category="trivy", exit_code=0)
    case.expect(shows="A dependency bot offers only versions that it found in the registry.")
    base = {"infra/Dockerfile": "FROM python:3.12-slim\nCOPY app /app\n"}
    fixed = {"infra/Dockerfile": "FROM python:3.12-slim\nCOPY app /app\nUSER 1000\n"}
    old = finding(
        "DS002",
        "infra/Dockerfile",
        1,
        text="Artifact: infra/Dockerfile\nType: dockerfile\nVulnerability DS002\nSeverity: HIGH\nMessage: no user",
    )
    case = start(shop, "good-trivy-misconfiguration", "good", "Trivy found a misconfiguration, no package", fixed,
                 "DS002@infra/Dockerfile:1", base=base, setup="GitHub, Trivy workflow")  # fmt: skip
    push(case, "before", case.base, trivy(copy.deepcopy(old)), category="trivy", exit_code=0)
    push(case, "after", case.merge, trivy(), category="trivy", exit_code=0)
    case.expect(shows="One tool, several classes: the rule tells which.")


def passwords(shop: Workshop) -> None:
    """A hard-coded password is a secret, whatever tool reports it."""
    gone = 'import os\n\nREGION = "eu-central-1"\nNAME = "shop"\nPASSWORD = os.environ["SHOP_PASSWORD"]\n'
    ref = "py/hardcoded-credentials@app/settings.py:3"

    def one(name: str, kind: str, title: str) -> Case:
        case = start(
            shop,
            name,
            kind,
            title,
            {"app/settings.py": gone},
            ref,
            base={**SHOP, "app/settings.py": SETTINGS},
        )
        rules = {
            "py/hardcoded-credentials": {
                "level": "error",
                "security-severity": "7.8",
                "tags": ["security", "external/cwe/cwe-798"],
            }
        }
        line = SETTINGS.splitlines()[2]
        hit = finding(
            "py/hardcoded-credentials",
            "app/settings.py",
            3,
            text="A password in the code.",
            snippet=line,
        )
        files = [
            {"location": {"uri": path}}
            for path in ("app/settings.py", "app/store.py", "app/views.py")
        ]
        for role, at, results in (("before", case.base, [hit]), ("after", case.merge, [])):
            report = shaped("CodeQL", "2.23.3", results, rules, artifacts=files)
            push(case, role, at, report, category="/language:python", exit_code=0)
        return case

    one(
        "bad-password-only-removed", "bad", "A password that CodeQL found is out of the code"
    ).expect(
        "unknown",
        stops="CLASS_SPECIFIC",
        shows="It stays in the history, whatever kind of tool found it.",
    )
    case = one("good-password-never-live", "good", "A person says that the password opened nothing")
    case.facts["revocations"] = [{"finding": ref, "by": "Noor Haddad <noor@example.org>", "at": "2026-11-20T10:20:00Z",
                                  "state": "never_live", "method": "an example for the tests, tried against no account"}]  # fmt: skip
    case.expect()


def moved_tests(shop: Workshop) -> None:
    def one(name: str, kind: str, title: str, change: Mapping[str, Content | None]) -> Case:
        return shop.case(name, kind, title, SHOP, {**GOOD, **change}, SHELL_REF)

    head, second = TEST.split("\n\ndef test_count_of_nothing")
    rest = f"from app.views import count\n\n\ndef test_count_of_nothing{second}"
    one("good-test-moved", "good", "A test moves to a file of its own",
        {"tests/test_views.py": head.rstrip("\n") + "\n", "tests/test_nothing.py": rest}).expect(
        shows="Word for word the same, elsewhere: nothing is lost.")  # fmt: skip
    unit = 'import unittest\n\nfrom app.views import count\n\n\nclass TestCount(unittest.TestCase):\n    def test_count(self):\n        self.assertEqual(3, count("abc"))\n'
    plain = 'from app.views import count\n\n\ndef test_count():\n    assert count("abc") == 3\n'
    case = shop.case("good-unittest-to-pytest", "good", "A test leaves its class", {**SHOP, "tests/test_views.py": unit},
                     {**GOOD, "tests/test_views.py": plain}, SHELL_REF)  # fmt: skip
    case.expect(shows="A class line is no test.")
    aliased = "import unittest as u\n\n" + TEST.replace(
        "def test_count()", '@u.skip("later")\ndef test_count()'
    )
    one("bad-test-skipped-by-alias", "bad", "A test is skipped under another name", {"tests/test_views.py": aliased}).expect(
        "fail", stops="TESTS_INTACT"
    )  # fmt: skip
    one("bad-test-file-renamed-away", "bad", "The test file has a name that no runner looks for",
        {"tests/test_views.py": None, "tests/views_old.py": TEST}).expect("fail", stops="TESTS_INTACT")  # fmt: skip
