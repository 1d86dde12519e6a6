"""Repositories that our own runner may read, and scanners with and without a wall around them."""

import os
import shutil
from pathlib import Path

import pytest

from scans.runners import RECIPES, Recipe, isolation
from tests.scans.repository import Repository


@pytest.fixture
def allowed(tmp_path, settings):
    folder = tmp_path / "allowed"
    folder.mkdir()
    settings.RUNNER_REPOSITORIES = [str(folder)]
    return folder


@pytest.fixture
def repository(allowed):
    return Repository(allowed / "web")


@pytest.fixture
def canary(tmp_path):
    """A file that only a program of the repository would make."""
    return tmp_path / "canary"


@pytest.fixture
def into(tmp_path):
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.fixture
def wall():
    """Scanners are isolated; skips, and says why, where this machine cannot."""
    if not isolation.available():
        pytest.skip(f"needs bubblewrap: {isolation.MISSING}")


@pytest.fixture
def no_wall(tmp_path, monkeypatch):
    """A machine on which bubblewrap is not installed."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(shutil.which("git"))
    monkeypatch.setenv("PATH", str(programs))


@pytest.fixture
def tools(settings):
    """Folders with scanners that are no dependency of ours, as CTEM_TEST_TOOLS names them."""
    told = os.environ.get("CTEM_TEST_TOOLS", "").split(",")
    settings.RUNNER_TOOLS = [str(Path(folder).resolve()) for folder in told if folder]


@pytest.fixture
def probe(monkeypatch):
    """Make ``probe`` a recipe of the product: a script of the shell, or a program of ours."""

    def make(script, *, python=False, **members):
        command = ("python3", "-c", script) if python else ("sh", "-c", script)
        recipe = Recipe(name="probe", tool_class="sast", **{"command": command, **members})
        monkeypatch.setitem(RECIPES, "probe", recipe)
        return recipe

    return make
