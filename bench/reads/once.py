"""The product's side of bench.reads: opens each address some times and tells what it took, as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.test import Client

from bench.reads.addresses import addresses
from core.models import User
from ctem.seeding.places import EVERYWHERE, ONE, TWENTY
from ctem.wsgi import settle

PEOPLE = {"all scopes": EVERYWHERE, "20 scopes": TWENTY, "1 scope": ONE}


def main() -> None:
    """Read how often from the standard input, print a JSON object for each address."""
    told = json.loads(sys.stdin.readline())
    settle()  # as a web process
    for who, username in PEOPLE.items():
        user = User.objects.get(username=username)
        client = Client(SERVER_NAME="localhost")
        client.force_login(user)
        for name, address in addresses(user):
            if told["only"] in name:
                line = {"name": name, "who": who, **measured(client, address, told["times"])}
                sys.stdout.write(json.dumps(line) + "\n")
                sys.stdout.flush()


def measured(client: Client, address: str, times: int) -> dict[str, Any]:
    """Open an address ``times`` times and once before that.

    Returns seconds of each, those in the database, the number of statements, the bytes of the answer.
    """
    size, seconds, database = len(_open(client, address)), [], []
    for _ in range(times):
        watch = Watch()
        began = time.perf_counter()
        with connection.execute_wrapper(watch):
            _open(client, address)
        seconds.append(time.perf_counter() - began)
        database.append(watch.seconds)
    return {"seconds": seconds, "database": database, "statements": watch.count, "bytes": size}


class Watch:
    """Counts statements and how long the database took."""

    def __init__(self) -> None:
        self.count, self.seconds = 0, 0.0

    def __call__(self, execute: Callable[..., Any], *args: Any) -> Any:
        self.count += 1
        began = time.perf_counter()
        try:
            return execute(*args)
        finally:
            self.seconds += time.perf_counter() - began


def _open(client: Client, address: str) -> bytes:
    cache.clear()  # of the API's rates
    response = client.get(address)
    if response.status_code != 200:
        raise SystemExit(f"{address}: {response.status_code} {response.content[:500]!r}")
    return bytes(response.content)
