"""Requests per second of the API's list and of a page, by ApacheBench on the loopback address."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import NamedTuple

from bench.ingest.product import Failed, Product

CLIENTS = (1, 8, 32)
SECONDS = 8
MOST = 100_000  # requests
TOOL = "ab"


class Load(NamedTuple):
    """One address under one number of clients: requests a second, milliseconds at the median and at 95 %."""

    address: str
    clients: int
    rate: float
    median: float
    most: float


def program() -> str:
    """The path of ApacheBench. Raises Failed."""
    found = shutil.which(TOOL)
    if found is None:
        raise Failed(f"{TOOL} is missing: apt-get install apache2-utils (or leave --load out)")
    return found


def measured(product: Product) -> list[Load]:
    """The list of findings by API and as a page, as the administrator. Raises Failed."""
    doors = {
        "/api/v1/findings/?open=true": f"Authorization: {product.authorization}",
        "/findings/?open=true": f"Cookie: {product.session()}",
    }
    return [
        _run(product.port, address, header, clients)
        for address, header in doors.items()
        for clients in CLIENTS
    ]


def _run(port: int, address: str, header: str, clients: int) -> Load:
    command = [
        program(), "-q", "-t", str(SECONDS), "-n", str(MOST), "-c", str(clients), "-l",
        "-H", header, f"http://127.0.0.1:{port}{address}",
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - the command stands above
        command, capture_output=True, text=True, check=False
    )
    told = done.stdout
    if done.returncode or "Non-2xx" in told or _number(told, r"Failed requests:\s+(\d+)"):
        raise Failed(f"{TOOL} {address}: {told[-2000:]}{done.stderr[-500:]}")
    return Load(
        address, clients, _number(told, r"Requests per second:\s+([\d.]+)"),
        _number(told, r"\n\s+50%\s+(\d+)"), _number(told, r"\n\s+95%\s+(\d+)"),
    )  # fmt: skip


def _number(text: str, pattern: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise Failed(f"{TOOL} did not tell {pattern}:\n{text[-2000:]}")
    return float(found[1])
