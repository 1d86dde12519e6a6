# ruff: noqa: E501 - what a case is called and shows stays on its line
"""Fixes that only take the code out of the scanner's sight, and scans that looked at less than
they say. Found by a red team in November 2026."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from history import Content
from sources import FIXED_VIEWS, SHELL_REF, SHOP, TAR_VIEWS, VIEWS
from story import Case, Workshop

GOOD = {"app/views.py": TAR_VIEWS}
HERE = "/builds/shop/backend/shop"  # where GitLab checks a project of a nested group out


def tell(shop: Workshop) -> None:
    """All of them."""
    out_of_sight(shop)
    other_commands(shop)
    reports(shop)
    honest(shop)


def bad(
    shop: Workshop, name: str, title: str, change: Mapping[str, Content | None], shows: str
) -> Case:
    """A bad case by Bandit; what the reviewer would have to name is named."""
    case = shop.case(name, "bad", title, SHOP, change, SHELL_REF)
    case.shows = shows
    files = [path for path in change if path != "app/views.py"]
    return case.fact("reviews.0.answers", {"acknowledged_files": files}) if files else case


def out_of_sight(shop: Workshop) -> None:
    case = bad(
        shop,
        "bad-nothing-changed",
        "Nothing was changed, yet the finding is gone",
        {},
        "What vanishes without a change was not fixed: base and head have one tree.",
    )
    case.after[0]["runs"][0]["results"] = [
        r for r in case.after[0]["runs"][0]["results"] if r["ruleId"] != "B602"
    ]
    case.expect("fail", stops="CONTENT_BINDING")
    case = bad(
        shop,
        "bad-diff-empty",
        "The revisions differ, the diff is empty",
        GOOD,
        "A diff that does not lead from one revision to the other joins nothing.",
    )
    case.diff = ""
    case.expect("unknown", stops="CONTENT_BINDING NOTHING_NEW")
    case = bad(
        shop,
        "bad-blob-not-in-diff",
        "The fix also adds .bandit, which the diff does not show",
        {**GOOD, ".bandit": "[bandit]\nskips: B602\n"},
        "Where both trees are known, the diff has to account for every file that differs.",
    )
    case.diff = "".join(part for part in case.diff.partition("diff --git a/app")[1:])
    case.fact("reviews.0.answers", None).expect("unknown", stops="CONTENT_BINDING")
    bad(
        shop,
        "bad-renamed-unread",
        "Renamed to what the scanner does not read",
        {"app/views.py": None, "app/views.inc": VIEWS},
        "The code of the original has to be where a scan is shown to have looked.",
    ).expect("fail", stops="FILES_ANALYSED")
    taken = VIEWS.replace(
        "import subprocess\n\n\n", 'exec(open("app/run.tpl").read())\n\n\n'
    ).replace(
        'def archive(folder):\n    return subprocess.call("tar czf out.tgz " + folder, shell=True)\n\n\n',
        "",
    )
    bad(
        shop,
        "bad-extracted-unread",
        "The sink is read from a template at run time",
        {"app/views.py": taken, "app/run.tpl": VIEWS},
        "The removed line stands in an added file that no scanner reads.",
    ).expect("fail", stops="FILES_ANALYSED ORIGINAL_ABSENT")


def other_commands(shop: Workshop) -> None:
    for name, title, options, stops, shows in (
        ("bad-command-excludes", "The pipeline's command leaves the file out", ("-x", "./app/views.py"), "SCAN_SCOPE", "The commands are compared, whatever the facts list as scanned."),
    ):  # fmt: skip
        case = bad(shop, name, title, {"app/views.py": VIEWS + "# fixed\n"}, shows)
        case.after, case.facts["after"] = [], []
        shop.add(case, "after", case.merge, "bandit", *options)
        listed = [path for path in case.merge.blobs if path.endswith(".py")]
        for role in ("before", "after"):
            case.fact(f"{role}.0.config_digest", None)
        case.fact("after.0.files_scanned", listed).expect("unknown", stops=stops)
    config = {"sec/scan.yaml": "exclude_dirs: [docs]\n"}
    case = shop.case("bad-own-config-named", "bad", "The fix writes the configuration that the command names", {**SHOP, **config},
                     {"app/views.py": VIEWS + "# fixed\n", "sec/scan.yaml": "exclude_dirs: [docs]\nskips: [B602]\n"}, SHELL_REF, options=("-c", "sec/scan.yaml"))  # fmt: skip
    case.fact("reviews.0.answers", {"acknowledged_files": ["sec/scan.yaml"]})
    for role in ("before", "after"):
        case.fact(f"{role}.0.config_digest", None)
    case.expect(
        "fail",
        stops="INDEPENDENCE",
        shows="A configuration file of any name, where the scan's own command names it.",
    )


def reports(shop: Workshop) -> None:
    case = bad(
        shop,
        "bad-killed",
        "The scanner was killed, and says success",
        GOOD,
        "A signal says that the run broke off (3.20.10), whatever the flag says.",
    )
    case.after[0]["runs"][0]["invocations"][0]["exitSignalName"] = "SIGKILL"
    case.expect("fail", stops="EXECUTION_OK")
    case = bad(
        shop,
        "bad-warning-in-backslashes",
        "A warning names the file as Windows writes it",
        GOOD,
        "A file is named by whatever spelling leads to it.",
    )
    case.after[0]["runs"][0]["invocations"][0]["toolExecutionNotifications"] = [
        {"level": "warning", "message": {"text": "could not parse app\\views.py"}}
    ]
    case.expect("fail", stops="FILES_ANALYSED")
    case = bad(
        shop,
        "bad-only-what-is-new",
        "The report holds only what is new to its baseline",
        GOOD,
        "A report against a baseline that lists nothing unchanged leaves out what was there.",
    )
    case.after[0]["runs"][0]["baselineGuid"] = "11111111-1111-4111-8111-111111111111"
    for result in case.after[0]["runs"][0]["results"]:
        result["baselineState"] = "new"
    case.expect("unknown", stops="SCAN_SCOPE")


def honest(shop: Workshop) -> None:
    case = shop.case("good-clean-file-elsewhere", "good", "The fix adds a clean file in another folder", SHOP,
                     {"app/views.py": FIXED_VIEWS, "lib/names.py": "def upper(name):\n    return name.upper()\n"}, "python-shell-true@app/views.py:7", tool="semgrep")  # fmt: skip
    case.fact("reviews.0.answers", {"acknowledged_files": ["lib/names.py"]})
    case.expect(
        shows="The whole tree is known, nothing in it configures the scanner, the command leaves nothing out: its scope is the repository."
    )
    case = shop.case(
        "good-absolute-addresses",
        "good",
        "GitLab: absolute addresses, a nested group",
        SHOP,
        GOOD,
        SHELL_REF,
    )
    case.before, case.after = (
        [_absolute(report) for report in scans] for scans in (case.before, case.after)
    )
    case.expect(
        shows="The one folder below which every address ends in a file of the tree is the root."
    )
    case = shop.case(
        "good-same-command-in-other-words",
        "good",
        "The same command, in another order",
        SHOP,
        GOOD,
        SHELL_REF,
    )
    for role, command in (("before", "bandit -q -r . -x ./docs -f sarif"), ("after", "/opt/bin/bandit -x docs --format=sarif -o out.sarif -r .")):  # fmt: skip
        case.fact(f"{role}.0.command", command).fact(f"{role}.0.config_digest", None)
    case.expect(
        shows="Program path, order and output are no part of a recipe; what was left out before may be left out now."
    )
    case = shop.case(
        "good-warning-elsewhere",
        "good",
        "A warning about another file of the same name",
        SHOP,
        GOOD,
        SHELL_REF,
    )
    case.after[0]["runs"][0]["invocations"][0]["toolExecutionNotifications"] = [
        {"level": "warning", "message": {"text": "could not parse legacy/views.py"}}
    ]
    case.expect(shows="A name alone would do; a path that leads elsewhere does not.")


def _absolute(report: dict) -> dict:
    """The report as the scanner writes it when it is given an absolute path."""
    log = copy.deepcopy(report)
    for run in log["runs"]:
        for result in run["results"]:
            place = result["locations"][0]["physicalLocation"]["artifactLocation"]
            place["uri"] = f"{HERE}/{place['uri']}"
        metrics = run["properties"]["metrics"]
        run["properties"]["metrics"] = {
            name if name == "_totals" else f"{HERE}/{name.removeprefix('./')}": row
            for name, row in metrics.items()
        }
    return log
