"""Schemathesis over every operation of the API, with the token of each role, against the product as it runs.

``python -m tests.contract.fuzz`` (make fuzz-api): a product of its own for each role, one of everything in it.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.contract.product import ROOT, seeded

ROLES = ("viewer", "analyst", "developer", "approver", "admin", "pipeline", "ticketing")
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIG = ROOT / "tests" / "contract" / "schemathesis.toml"
V1 = "/api/v1/"


def described(folder):
    """The description as the code prints it."""
    printed = folder / "openapi.json"
    subprocess.run(
        [sys.executable, "manage.py", "spectacular", "--format", "openapi-json", "--file", printed],
        cwd=ROOT, env={**os.environ, "CTEM_DATA_DIR": str(folder)}, check=True, capture_output=True,
    )  # fmt: skip
    return json.loads(printed.read_text())


def knowing(spec, known_ids):
    """The description with ids that are there, so that more than 404 is asked for."""
    spec = copy.deepcopy(spec)
    for path, methods in spec["paths"].items():
        known = known_ids.get(path.removeprefix(V1).split("/")[0])
        for operation in methods.values():
            # A row of fewer members is what was asked for, and not what its schema says.
            operation["parameters"] = [
                each for each in operation.get("parameters", ())
                if each.get("$ref") != "#/components/parameters/fields"
            ]  # fmt: skip
            for parameter in operation.get("parameters", ()):
                if parameter.get("in") == "path" and known:
                    ids = [{"enum": known}]
                    if "/tokens/" not in path:  # it would find its own, and end it
                        ids.append(parameter["schema"])
                    parameter["schema"] = {"anyOf": ids}
    return spec


def run(product, spec, role, options, folder):
    """Ask as one role; return the status of Schemathesis, 0 where it found nothing."""
    file = folder / f"{role}.json"
    file.write_text(json.dumps(knowing(spec, product.ids)))
    command = [
        SCHEMATHESIS, "--config-file", CONFIG, "run", file, "--url", product.address,
        "--header", f"Authorization: Bearer {product.tokens[role]}",
        "--max-examples", str(options.examples), "--seed", str(options.seed),
        "--phases", options.phases, "--workers", "1", "--no-color",
        "--continue-on-failure", "--max-failures", "200",
        *(["--max-time", str(options.seconds)] if options.seconds else []),
        *(["--include-path-regex", options.paths] if options.paths else []),
    ]  # fmt: skip
    return subprocess.run([str(word) for word in command], cwd=folder, check=False).returncode


def main(words=None):
    """Ask as each role; the status is the worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=20, help="per operation and phase")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("--roles", nargs="*", default=ROLES, choices=ROLES)
    parser.add_argument("--paths", default="", help="of these alone: a regular expression")
    parser.add_argument(
        "--seconds", type=int, default=0, help="for each role; 0: until all is asked"
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(words)
    worst = 0
    with tempfile.TemporaryDirectory(prefix="ctem-fuzz-api-") as name:
        folder = Path(name)
        spec = described(folder)
        for role in options.roles:
            print(f"=== {role} ===", flush=True)
            with seeded(folder / role) as product:
                status = run(product, spec, role, options, folder)
                worst = max(worst, status)
                if "Traceback" in product.log.read_text(errors="replace"):
                    print(product.log.read_text(errors="replace")[-5000:])
                    worst = max(worst, 1)
    return worst


if __name__ == "__main__":
    sys.exit(main())
