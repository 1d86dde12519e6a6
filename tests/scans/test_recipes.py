"""Recipes: those of the product on real repositories, those of a scope's own, and what is refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.models import Blob, Event
from core.permissions import Role
from findings.models import Finding
from gate.formats import read
from gate.packages import package_identity
from scans.models import Scan, ScannerRecipe
from scans.runners import RECIPES, Recipe, program_folders, stored_recipe, why_not_here
from scans.runners.convert import converted, with_root
from scans.services.recipes import add_recipe, find_recipe, recipes_for
from scans.services.uploads import order_scan
from scans.statuses import ScanState
from tests.factories import default_line, make_asset, make_scope, member, now, run_job
from tests.scans.repository import SAFE, WEAK

SCRIPT = "const q = location.hash;\neval(q);\n"
SILENCED = {
    "bandit": ("app.py", WEAK.replace("shell=True)", "shell=True)  # nosec"), ".bandit", "[bandit]\nskips: B602\n"),
    "semgrep": ("tests/app.py", WEAK.replace("shell=True)", "shell=True)  # nosem"), ".semgrepignore", "*\n"),
    "ruff": ("app.py", WEAK.replace("shell=True)", "shell=True)  # noqa"), "ruff.toml", 'exclude = ["*"]\n'),
    "eslint": ("app.js", f"/* eslint-disable */\n{SCRIPT}", "eslint.config.js", "process.exit(9);\n"),
}  # fmt: skip
FOUND = {
    "bandit": ("B602", "app.py", 5),
    "semgrep": ("python-shell-true", "tests/app.py", 5),
    "ruff": ("S602", "app.py", 5),
    "eslint": ("no-eval", "app.js", 3),
}


def needs(name: str) -> None:
    if refusal := why_not_here(RECIPES[name]):
        pytest.skip(f"{refusal} Folders with it are named by CTEM_TEST_TOOLS.")


def scanned(repository, files, recipe) -> Scan:
    asset = make_asset(repository=str(repository.folder))
    scan, _ = order_scan(
        asset=asset, recipe=recipe, commit=repository.commit(files), line=default_line(asset),
        by=member(asset.scope, Role.PIPELINE), at=now(),
    )  # fmt: skip
    return run_job(scan)


@pytest.mark.django_db
@pytest.mark.parametrize("name", FOUND)
def test_a_recipe_finds_it_whatever_the_repository_says_to_the_scanner(
    files, repository, tools, name
):
    needs(name)
    path, code, config, silence = SILENCED[name]
    ignored = {config: silence, ".gitignore": "*.py\n*.js\n"}
    repository.commit({path: code})
    scan = scanned(repository, ignored, name)
    assert (scan.state, scan.error) == (ScanState.DONE, ""), scan.log
    seen = Finding.objects.filter(asset=scan.asset).values_list("rule", "path", "start_line")
    assert FOUND[name] in set(seen), (list(seen), scan.log)
    assert scan.tool_version and scan.tool_class == "sast"
    assert scan.facts["scope"] == "full"
    assert scan.recipe["digest"] == RECIPES[name].digest


@pytest.mark.django_db
@pytest.mark.parametrize("name", FOUND)
def test_a_recipe_finds_nothing_where_nothing_is(files, repository, tools, name):
    needs(name)
    repository.commit({SILENCED[name][0]: "x = 1\n"})
    scan = scanned(repository, {"README": "nothing\n"}, name)
    assert (scan.state, scan.counts.get("results", 0)) == (ScanState.DONE, 0), scan.error


@pytest.mark.django_db
def test_the_same_recipe_has_the_same_configuration_digest_on_two_revisions(
    files, repository, tools
):
    needs("eslint")
    first = scanned(repository, {"app.js": SCRIPT}, "eslint")
    second = scanned(repository, {"app.js": "const q = 1;\n"}, "eslint")
    assert first.facts["config_digest"] == second.facts["config_digest"]
    assert "eslint.config.mjs@sha256:" in first.facts["command"]
    assert Blob.objects.filter(pk=first.recipe["config_sha256"]).exists()
    assert first.facts["files_scanned"] == ["app.js"]


def test_a_digest_changes_with_all_that_shapes_the_scan_and_with_nothing_else():
    recipe = RECIPES["semgrep"]
    changes = {"command": ("x",), "version": 2, "config": b"rules: []", "network": "allowed",
               "image": "scanner@sha256:1", "model": "m", "ok_exit_codes": (0, 7)}  # fmt: skip
    digests = {replace(recipe, **{name: value}).digest for name, value in changes.items()}
    assert len(digests | {recipe.digest}) == len(changes) + 1
    assert replace(recipe, needs="elsewhere").digest == recipe.digest
    assert (
        stored_recipe(json.loads(json.dumps(recipe.to_dict())), recipe.config).digest
        == recipe.digest
    )


def test_an_order_of_an_earlier_release_is_still_read():
    stored = {"name": "bandit", "tool_class": "sast", "command": ["bandit", "{out}"],
              "ok_exit_codes": [0, 1], "commit": "ab" * 20}  # fmt: skip
    assert stored_recipe(stored, b"").command == ("bandit", "{out}")


def order(asset, recipe):
    return order_scan(
        asset=asset, recipe=recipe, commit="ab" * 20, line=default_line(asset),
        by=member(asset.scope, Role.PIPELINE), at=now(),
    )  # fmt: skip


@pytest.mark.django_db
def test_a_recipe_whose_program_is_missing_is_refused_at_the_order(monkeypatch):
    missing = Recipe(name="probe", tool_class="sast", command=("no-such-scanner", "{out}"),
                     needs="apt-get install no-such-scanner")  # fmt: skip
    monkeypatch.setitem(RECIPES, "probe", missing)
    with pytest.raises(WrongState, match="no-such-scanner, which is not installed here: apt-get"):
        order(make_asset(repository="/srv/web"), "probe")
    assert not Scan.objects.exists()


@pytest.mark.django_db
def test_a_recipe_that_needs_the_network_is_refused_unless_the_operator_allows_it(settings):
    with pytest.raises(WrongState, match="CTEM_RUNNER_NETWORK"):
        order(make_asset(repository="/srv/web"), "pip-audit")
    settings.RUNNER_NETWORK = True
    needs("pip-audit")
    assert order(make_asset(repository="/srv/web"), "pip-audit")[1]


# --- reports that are no SARIF -------------------------------------------------------------------
AUDITED = {
    "dependencies": [
        {"name": "jinja2", "version": "2.4.1", "vulns": [
            {"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": ["CVE-2019-10906"]}]},
        {"name": "Flask", "version": "3.0.0", "vulns": []},
        {"name": "private", "skip_reason": "not found on PyPI"},
    ],
    "fixes": [],
}  # fmt: skip


def test_what_pip_audit_says_becomes_results_with_package_advisory_and_line(tmp_path):
    (tmp_path / "requirements.txt").write_text("# ours\nFlask==3.0.0\nJinja2==2.4.1\nprivate==1\n")
    data = converted(
        "pip-audit", json.dumps(AUDITED).encode(), version="2.10.1", top=tmp_path, seen=tmp_path
    )
    (run,) = read("scan.sarif", data).runs
    (result,) = run.results
    assert (run.tool, run.version, result.rule) == ("pip-audit", "2.10.1", "PYSEC-2019-217")
    assert (result.location.path, result.location.line) == ("requirements.txt", 3)
    package = package_identity(result)
    assert (package.purl, package.version, package.fixed) == (
        "pkg:pypi/jinja2",
        "2.4.1",
        ("2.10.1",),
    )
    assert set(package.advisories) == {"PYSEC-2019-217", "CVE-2019-10906"}
    assert "private was not looked up" in data.decode()


def test_a_file_that_eslint_could_not_read_is_told_and_no_result():
    told = {"metadata": {"rulesMeta": {}}, "results": [
        {"filePath": "/checkout/a b.js", "messages": [
            {"ruleId": None, "fatal": True, "severity": 2, "message": "Parsing error", "line": 1, "column": 2}]},
    ]}  # fmt: skip
    top = Path("/checkout")
    data = converted("eslint", json.dumps(told).encode(), version="", top=top, seen=top)
    (run,) = read("scan.sarif", data).runs
    assert run.results == () and "Parsing error" in data.decode()


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b'{"results": [{}], "metadata": {}}'])
@pytest.mark.parametrize("output", ["eslint", "pip-audit"])
def test_another_report_than_the_tool_writes_is_refused(tmp_path, output, data):
    with pytest.raises(BadInput, match=f"report: is not the report that {output} writes"):
        converted(output, data, version="", top=tmp_path, seen=tmp_path)


def test_a_path_of_eslint_outside_of_the_checkout_is_refused():
    told = {"metadata": {"rulesMeta": {}}, "results": [{"filePath": "/etc/passwd", "messages": []}]}
    with pytest.raises(BadInput, match="/etc/passwd"):
        converted("eslint", json.dumps(told).encode(), version="", top=Path("/c"), seen=Path("/c"))


def test_a_report_without_a_root_gets_one_and_every_other_stays_as_it_is():
    run = {"tool": {"driver": {"name": "ruff"}}, "results": [
        {"message": {"text": "x"}, "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": "file:///checkout/app/a.py"}}}]}]}  # fmt: skip
    data = json.dumps({"version": "2.1.0", "runs": [run]}).encode()
    (result,) = read("scan.sarif", with_root(data, Path("/checkout"))).runs[0].results
    assert result.location.path == "app/a.py"
    rooted = with_root(data, Path("/checkout"))
    for same in (rooted, b"{}", b"not json file:///checkout/", b'["file:///checkout/"]'):
        assert with_root(same, Path("/checkout")) == same


# --- recipes of a scope's own --------------------------------------------------------------------
OWN = {"name": "own", "tool": "Own", "tool_class": "sast",
       "command": ["sh", "-c", "cat {config} > {out}"], "config": b'{"version": "2.1.0", "runs": []}',
       "config_name": "answer.sarif"}  # fmt: skip


@pytest.fixture
def own(settings):
    settings.RUNNER_OWN_RECIPES = True


def add(scope, by=None, **changes) -> ScannerRecipe:
    by = by or member(scope, Role.ADMIN)
    return add_recipe(scope=scope, by=by, at=now(), **{**OWN, **changes})


@pytest.mark.django_db
def test_an_administrator_adds_versions_and_the_newest_counts(files, own):
    scope = make_scope()
    first, second = add(scope), add(scope, config=b'{"version": "2.1.0", "runs": [] }')
    assert (first.version, second.version) == (1, 2)
    assert first.digest != second.digest
    assert find_recipe(scope.pk, "own").digest == second.digest
    assert [r.name for r in recipes_for(scope.pk)] == [*sorted(RECIPES), "own"]
    assert Event.objects.filter(action="recipe.added").count() == 2
    with pytest.raises(BadInput, match="unknown"):
        find_recipe(make_scope().pk, "own")


@pytest.mark.django_db
def test_it_is_run_as_it_was_ordered_whatever_comes_later(files, own, repository):
    asset = make_asset(repository=str(repository.folder))
    row = add(asset.scope)
    scan, _ = order_scan(
        asset=asset, recipe="own", commit=repository.commit({"a.py": SAFE}),
        line=default_line(asset), by=member(asset.scope, Role.PIPELINE), at=now(),
    )  # fmt: skip
    add(asset.scope, command=["sh", "-c", "exit 5 {out} {config}"])
    scan = run_job(scan)
    assert (scan.state, scan.recipe["version"], scan.recipe["digest"]) == ("done", 1, row.digest)


@pytest.mark.django_db
def test_what_an_agentic_recipe_ran_with_stands_in_the_facts(files, own, repository):
    asset = make_asset(repository=str(repository.folder))
    add(asset.scope, tool_class="agentic", vendor="Acme", model="acme-2", image="acme@sha256:12")
    scan, _ = order_scan(
        asset=asset, recipe="own", commit=repository.commit({"a.py": SAFE}),
        line=default_line(asset), by=member(asset.scope, Role.PIPELINE), at=now(),
    )  # fmt: skip
    facts = run_job(scan).facts
    told = {name: facts[name] for name in ("vendor", "model", "agent_run", "tool_class")}
    assert told == {
        "vendor": "Acme",
        "model": "acme-2",
        "agent_run": f"scan-{scan.pk}",
        "tool_class": "agentic",
    }


@pytest.mark.django_db
def test_without_the_operators_word_none_is_added_ordered_or_run(files, settings, repository):
    asset = make_asset(repository=str(repository.folder))
    with pytest.raises(WrongState, match="CTEM_RUNNER_OWN_RECIPES"):
        add(asset.scope)
    settings.RUNNER_OWN_RECIPES = True
    add(asset.scope)
    scan, _ = order_scan(
        asset=asset, recipe="own", commit=repository.commit({"a.py": SAFE}),
        line=default_line(asset), by=member(asset.scope, Role.PIPELINE), at=now(),
    )  # fmt: skip
    settings.RUNNER_OWN_RECIPES = False
    assert "own" not in [r.name for r in recipes_for(asset.scope_id)]
    with pytest.raises(WrongState, match="CTEM_RUNNER_OWN_RECIPES"):
        order(asset, "own")
    assert "CTEM_RUNNER_OWN_RECIPES" in run_job(scan).error


@pytest.mark.django_db
@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMIN])
def test_only_an_administrator_adds_one(own, role):
    scope = make_scope()
    with pytest.raises(NotAllowed):
        add(scope, by=member(scope, role))


WRONG = {
    "name with a space": ({"name": "my own"}, "name: must be"),
    "name of the product": ({"name": "bandit"}, "name: bandit is a recipe of the product"),
    "no command": ({"command": []}, "command: must have 1 to 100 words, not 0"),
    "empty word": ({"command": ["a", "", "{out}"]}, "command: each word"),
    "program of the repository": ({"command": ["./scan", "{out}"]}, "command: must begin with"),
    "no report": ({"command": ["a", "{config}"]}, r"command: must name \{out\}"),
    "config not named": ({"command": ["a", "{out}"]}, r"command: must name \{config\}"),
    "config missing": ({"config": b"", "config_name": ""}, "config: is missing"),
    "config without a name": ({"config_name": ""}, "config: needs the name"),
    "config in a folder": ({"config_name": "../x"}, "config_name: must be a plain file name"),
    "config too large": ({"config": b"x" * 1048577}, r"larger than allowed \(1048577 > 1048576"),
    "exit codes": ({"ok_exit_codes": [256]}, "ok_exit_codes"),
    "no exit code": ({"ok_exit_codes": []}, "ok_exit_codes"),
    "agent without model": ({"tool_class": "agentic", "vendor": "Acme"}, "model: of an agentic"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("what", WRONG)
def test_what_no_recipe_can_be_is_refused_by_its_place(own, what):
    changes, sentence = WRONG[what]
    with pytest.raises(BadInput, match=sentence):
        add(make_scope(), **changes)
    assert not ScannerRecipe.objects.exists()


@pytest.mark.django_db
def test_the_database_itself_keeps_versions_as_they_are(files, own):
    row = add(make_scope())
    for change in (lambda: ScannerRecipe.objects.update(network="allowed"), row.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_programs_are_looked_for_in_the_operators_folders_first(settings, tmp_path):
    scanner = tmp_path / "node_modules" / ".bin" / "bandit"
    scanner.parent.mkdir(parents=True)
    scanner.write_text("#!/bin/sh\n")
    scanner.chmod(0o755)
    settings.RUNNER_TOOLS = [str(tmp_path)]
    assert shutil.which("bandit", path=":".join(program_folders())) == str(scanner)
