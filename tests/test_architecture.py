"""The house rules that a reader of the syntax tree can hold; nothing is imported or run.

Each rule is a function from a parsed module to the lines that break it; each is shown a case that
breaks it, so that none of them can pass by being blind.
"""

import ast
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = (
    "core",
    "scopes",
    "findings",
    "remediations",
    "scans",
    "forges",
    "tickets",
    "reports",
    "people",
    "ctem",
)
PACKAGES = ("gate", *APPS)
FILE_AIM, FILE_LIMIT = 400, 500
FUNCTION_AIM, FUNCTION_LIMIT = 40, 60
SIGNALS = re.compile(r"django(\.\w+)*\.(signals|dispatch)(\.|$)")
RAW_STATUS = re.compile(r'update\s+"?findings_finding\b.*\bset\b.*\bstatus"?\s*=', re.I | re.S)
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
BULK_WRITERS = {"bulk_update", "bulk_create", "save", "asave", "abulk_update", "abulk_create"}
SET_WRITERS = {"update", "aupdate"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class SizeAim(UserWarning):
    """Longer than the house aims for, shorter than what fails."""


@dataclass(frozen=True)
class Module:
    """One source file and its tree; ``path`` is relative to the repository."""

    path: Path
    tree: ast.Module
    lines: int = 0

    def at(self, node: ast.AST, text: str) -> str:
        return f"{self.path}:{node.lineno}: {text}"


@cache
def modules(*packages: str) -> tuple[Module, ...]:
    found = []
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text()
            found.append(
                Module(path.relative_to(ROOT), ast.parse(text, str(path)), text.count("\n"))
            )
    return tuple(found)


def parsed(code: str, path: str = "findings/models.py") -> Module:
    return Module(Path(path), ast.parse(code))


def imported(module: Module) -> Iterator[tuple[ast.stmt, str]]:
    """Every module or name imported absolutely, as a dotted name."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


# --- one writer of Finding.status ------------------------------------------------------------


def status_writes(module: Module) -> list[str]:
    """Whatever can write an attribute or a column called status.

    Wider than Finding on purpose: no other model of ours calls its column so (they say state).
    """
    bulk = {name for _, name in imported(module)}
    return [
        module.at(node, f"writes status: {ast.unparse(node)[:80]}")
        for node in ast.walk(module.tree)
        if writes_attribute(node)
        or writes_column(node)
        or writes_raw(node)
        or ("core.bulk" in bulk and lists(node))
    ]


def writes_attribute(node: ast.AST) -> bool:
    """``x.status = …`` in all its forms: an attribute in a place where a value is stored."""
    if isinstance(node, ast.Attribute):
        return node.attr == "status" and isinstance(node.ctx, ast.Store | ast.Del)
    return (
        isinstance(node, ast.Call)
        and name_of(node.func) in ("setattr", "delattr", "__setattr__")
        and any(isinstance(part, ast.Constant) and part.value == "status" for part in node.args)
    )


def writes_column(node: ast.AST) -> bool:
    """``update(status=…)``, ``Finding(status=…)``, ``bulk_update(…, ["status"])`` and their kin."""
    if not isinstance(node, ast.Call):
        return False
    name = name_of(node.func)
    named = any(keyword.arg == "status" for keyword in node.keywords)
    if name == "update" and node.args and on_finding(node.args[0]):
        return any(names_status(part) for part in node.args[1:])
    if name in SET_WRITERS:
        return named or any(names_status(part.value) for part in node.keywords if part.arg is None)
    if name == "insert" and node.args and on_finding(node.args[0]):
        return True
    if name in BULK_WRITERS:
        return any(names_status(part) for part in (*node.args, *(k.value for k in node.keywords)))
    if name in ("update_or_create", "get_or_create", "aupdate_or_create", "aget_or_create"):
        defaults = [k.value for k in node.keywords if k.arg in ("defaults", "create_defaults")]
        return on_finding(node.func) and (named or any(map(names_status, defaults)))
    return named and (
        name == "Finding" or (name in ("create", "acreate") and on_finding(node.func))
    )


def writes_raw(node: ast.AST) -> bool:
    """SQL text that updates the column."""
    if isinstance(node, ast.JoinedStr):
        return bool(RAW_STATUS.search(ast.unparse(node)))
    return isinstance(node, ast.Constant) and bool(RAW_STATUS.search(str(node.value)))


def lists(node: ast.AST) -> bool:
    """A constant ``FIELDS = (…, "status")``: fields are named so for ``core.bulk``."""
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Tuple)
        and any(
            isinstance(part, ast.Constant) and part.value == "status" for part in node.value.elts
        )
        and all(isinstance(target, ast.Name) and target.id.isupper() for target in node.targets)
    )


def names_status(node: ast.AST) -> bool:
    """Whether ``status`` is a key or an element of a literal."""
    parts = ast.walk(node)
    return any(isinstance(part, ast.Constant) and part.value == "status" for part in parts)


def on_finding(function: ast.expr) -> bool:
    return "Finding" in ast.unparse(function).split(".") or "findings" in ast.unparse(function)


def name_of(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


WRITES = [
    "finding.status = Status.OPEN",
    "finding.status: str = 'open'",
    "a, finding.status = 1, 2",
    "for finding.status in (1, 2): pass",
    "del finding.status",
    "setattr(finding, 'status', 'open')",
    "object.__setattr__(finding, 'status', 'open')",
    "Finding.objects.filter(pk=1).update(status='open')",
    "Finding.objects.update(**{'status': 'open'})",
    "Finding(status='open')",
    "Finding.objects.create(status='open')",
    "scope.findings.create(status='open')",
    "Finding.objects.bulk_update(rows, ['status'])",
    "Finding.objects.bulk_update(rows, fields=['title', 'status'])",
    "Finding.objects.bulk_create(rows, update_fields=['status'])",
    "Finding.objects.update_or_create(pk=1, defaults={'status': 'open'})",
    "finding.save(update_fields=['status'])",
    "bulk.insert(Finding, NAMES, rows)",
    "bulk.update(Finding, ('title', 'status'), rows)",
    "from core import bulk\nFOLLOWED = 'title', 'status'",
    "SQL = 'UPDATE findings_finding SET title = 1, status = 2'",
    "SQL = f'UPDATE findings_finding SET status = {new}'",
]
NO_WRITES = [
    "if finding.status == 'open': pass",
    "Finding.objects.filter(status='open').exists()",
    "Response(body, status=409)",
    "remediation.state = 'merged'",
    "remediation.save(update_fields=['state'])",
    "counts.update({'open': 1})",
    "SQL = 'SELECT status FROM findings_finding WHERE status = 1'",
]


@pytest.mark.parametrize("code", WRITES)
def test_every_way_to_write_status_is_seen(code):
    assert status_writes(parsed(code))


@pytest.mark.parametrize("code", NO_WRITES)
def test_reading_status_is_not_taken_for_writing(code):
    assert not status_writes(parsed(code))


def test_only_the_lifecycle_writes_the_status_of_a_finding():
    lifecycle = Path("findings/lifecycle.py")
    others = [module for module in modules(*APPS) if module.path != lifecycle]
    assert [line for module in others for line in status_writes(module)] == []


def test_only_finding_calls_its_column_status():
    """The rule above tells writers by the name; a second one would be taken for it."""
    named = [
        f"{module.path}: {model.name}"
        for module in modules(*APPS)
        if is_models(module.path)
        for model in ast.walk(module.tree)
        if isinstance(model, ast.ClassDef) and has_status_column(model)
    ]
    counted_by_triggers = (" Finding", " Tally")
    assert [line for line in named if not line.endswith(counted_by_triggers)] == []


def has_status_column(model: ast.ClassDef) -> bool:
    return any(
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and any(isinstance(target, ast.Name) and target.id == "status" for target in node.targets)
        for node in model.body
    )


# --- what never stands anywhere --------------------------------------------------------------


def signal_imports(module: Module) -> list[str]:
    return [
        module.at(node, f"imports {name}") for node, name in imported(module) if SIGNALS.match(name)
    ]


def model_view_sets(module: Module) -> list[str]:
    return [
        module.at(node, "ModelViewSet")
        for node in ast.walk(module.tree)
        if "ModelViewSet" in (getattr(node, "attr", ""), getattr(node, "id", ""))
        or (isinstance(node, ast.alias) and node.name == "ModelViewSet")
    ]


def save_overrides(module: Module) -> list[str]:
    """A method that Django calls on its own while saving or deleting a row."""
    if not is_models(module.path):
        return []
    hooks = {"save", "save_base", "asave", "delete", "adelete"}
    return [
        module.at(node, f"{owner.name}.{node.name}")
        for owner in ast.walk(module.tree)
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, FUNCTIONS) and node.name in hooks
    ]


def is_models(path: Path) -> bool:
    return path.stem == "models" or "models" in path.parts


NEVER = {
    "signals": (signal_imports, "from django.db.models.signals import post_save"),
    "signals of a contrib app": (signal_imports, "from django.contrib.auth import signals"),
    "dispatch": (signal_imports, "import django.dispatch"),
    "ModelViewSet": (model_view_sets, "class A(viewsets.ModelViewSet): pass"),
    "ModelViewSet by name": (model_view_sets, "from rest_framework.viewsets import ModelViewSet"),
    "save()": (save_overrides, "class A(models.Model):\n    def save(self): pass"),
}


@pytest.mark.parametrize("rule, breach", NEVER.values(), ids=NEVER)
def test_what_never_stands_anywhere(rule, breach):
    assert rule(parsed(breach))
    assert [line for module in modules(*APPS) for line in rule(module)] == []


def vague(path: Path) -> bool:
    return bool(VAGUE_NAMES & {*path.parts[:-1], path.stem})


def test_no_module_has_a_name_that_says_nothing():
    assert all(map(vague, map(Path, ("core/utils.py", "scans/common/text.py", "helpers.py"))))
    folders = (*PACKAGES, "scripts", "tests")
    everything = [
        path.relative_to(ROOT) for name in folders for path in (ROOT / name).rglob("*.py")
    ]
    assert [str(path) for path in everything if vague(path)] == []


def foreign_imports(module: Module) -> list[str]:
    """What is imported from neither the standard library nor the gate."""
    allowed = {*sys.stdlib_module_names, "gate"}
    return [
        module.at(node, f"imports {name}")
        for node, name in imported(module)
        if name.partition(".")[0] not in allowed
    ]


def test_the_gate_imports_the_standard_library_and_itself_alone():
    assert foreign_imports(parsed("import cryptography.hazmat"))
    assert [line for module in modules("gate") for line in foreign_imports(module)] == []


# --- size ------------------------------------------------------------------------------------


def sizes(module: Module) -> Iterator[tuple[str, int, int, int]]:
    """Name, lines, aim and limit of the file and of each of its functions."""
    yield str(module.path), module.lines, FILE_AIM, FILE_LIMIT
    for node in ast.walk(module.tree):
        if isinstance(node, FUNCTIONS):
            length = node.end_lineno - node.lineno + 1
            yield module.at(node, node.name), length, FUNCTION_AIM, FUNCTION_LIMIT


@pytest.mark.filterwarnings("default::tests.test_architecture.SizeAim")
def test_files_and_functions_stay_short():
    measured = [
        size
        for module in modules(*PACKAGES, "scripts")
        if "migrations" not in module.path.parts
        for size in sizes(module)
    ]
    for name, length, aim, limit in measured:
        if aim < length <= limit:
            warnings.warn(f"{name}: {length} lines, aim {aim}", SizeAim, stacklevel=1)
    assert [
        f"{name}: {length} lines" for name, length, _, limit in measured if length > limit
    ] == []


def test_a_long_function_is_seen():
    (_, (name, length, _, limit)) = sizes(parsed("def f():\n" + "    pass\n" * FUNCTION_LIMIT))
    assert name.endswith("f") and length > limit


# --- the walls themselves --------------------------------------------------------------------


def test_every_package_of_the_house_is_under_these_rules():
    """A new top-level package does not stay outside unnoticed."""
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {
        "bench",
        "tests",
        "scripts",
    }
    assert found == set(PACKAGES)
