"""The demo, played for real: web, worker, beat, git, Bandit, certificates, on data of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLAY = """
import importlib.machinery, importlib.util, sys
from pathlib import Path

root, data = Path(sys.argv[1]), Path(sys.argv[2])
sys.path.insert(0, str(root / "scripts"))
loader = importlib.machinery.SourceFileLoader("demo", str(root / "scripts" / "demo"))
demo = importlib.util.module_from_spec(importlib.util.spec_from_loader("demo", loader))
loader.exec_module(demo)
demo.DATA = data
sys.argv[1:] = ["--exit"]
sys.exit(demo.main())
"""


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_the_story_of_the_demo_holds(tmp_path):
    data = tmp_path / "demo"
    data.mkdir(mode=0o700)
    done = subprocess.run(
        [sys.executable, "-c", PLAY, str(ROOT), str(data)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert "✗" not in told and "expectations held" in told
    assert "\033" not in told  # colour is for terminals
    for word in (
        "NOTHING_NEW",
        "B307",
        "NO_NEW_SUPPRESSION",
        "HUMAN_REVIEW",
        "mobilization_complete",
    ):
        assert word in told
    environ = {**os.environ, "CTEM_DATA_DIR": str(data)}
    environ.pop("DATABASE_URL", None)
    for command in ("closure_fsck", "audit_fsck"):
        checked = subprocess.run(
            [sys.executable, "manage.py", command], cwd=ROOT, env=environ, capture_output=True, text=True
        )  # fmt: skip
        assert checked.returncode == 0, checked.stdout + checked.stderr
