"""Contract tests speak to the product as it runs: no Django, no fixture of a database.

One product and one build of the clients for all of them: they are in one group, for one worker.
"""

import json
import shutil
import subprocess
import sys
import urllib.request

import pytest

from tests.contract import product
from tests.contract.product import ROOT


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """A running product with the demo's people; see ``product.demo``."""
    with product.demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


def _build(folder, which):
    done = subprocess.run([sys.executable, ROOT / "scripts" / "clients", folder, "--only", which],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


@pytest.fixture(scope="session")
def python_client(tmp_path_factory):
    """The folder to import ``ctem_client`` from: generated, and checked by mypy."""
    folder = tmp_path_factory.mktemp("clients")
    _build(folder, "python")
    return folder / "python"


@pytest.fixture(scope="session")
def typescript_client(tmp_path_factory):
    """A folder with the types in ``ctem.ts``, ``openapi-fetch`` and the compiler."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs node and npm")
    folder = tmp_path_factory.mktemp("clients")
    _build(folder, "typescript")
    return folder / "typescript"


@pytest.fixture
def make_asset(demo):
    """Create an asset in the demo's scope; return its id."""

    def create(name):
        headers = {
            "Authorization": f"Bearer {demo.tokens['admin']}",
            "Content-Type": "application/json",
        }
        body = json.dumps({"scope": 1, "name": name}).encode()
        request = urllib.request.Request(f"{demo.api}/assets/", data=body, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.load(answer)["id"]

    return create
