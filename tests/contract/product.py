"""The product as somebody runs it, on data of its own: processes, an address, people with tokens."""

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

import processes  # noqa: E402  (of scripts/)
import supervisor  # noqa: E402

supervisor.START_SECONDS = 300  # also where others work on the same machine
NO_LIMIT = {"CTEM_API_RATE_USER": "1000000/min", "CTEM_API_RATE_ANON": "1000000/min"}


@dataclass(frozen=True)
class Product:
    """A server that answers at ``address``; ``tokens`` by the role, ``ids`` by the resource."""

    address: str
    tokens: dict[str, str]
    ids: dict[str, list[int]]
    log: Path

    @property
    def api(self) -> str:
        return f"{self.address}/api/v1"


def _supervisor(folder, **environ):
    ours = processes.environ_without_settings(**NO_LIMIT, **environ)
    return supervisor.Supervisor(folder, processes.free_port(), ours)


@contextlib.contextmanager
def demo(folder):
    """Web, worker and beat with the demo's people and nothing else."""
    product = _supervisor(folder)
    with product.running():
        told = json.loads(product.manage("demo_people"))
        tokens = {name: one["token"] for name, one in told.items() if isinstance(one, dict)}
        yield Product(product.address, tokens, {}, folder / "logs" / "web.log")


@contextlib.contextmanager
def seeded(folder):
    """The web process alone, with one of everything: what is asked for waits, and nobody is called."""
    product = _supervisor(folder)
    with product.running(["web"]):
        told = json.loads(_world(product.environ))
        yield Product(product.address, told["tokens"], told["ids"], folder / "logs" / "web.log")


def _world(environ):
    done = subprocess.run([sys.executable, "-m", "tests.contract.world"], cwd=ROOT, env=environ,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
