"""Run in a process of its own: does the rounds in children, which die by SIGKILL before their nth statement.

``killed_at_statements.py webhook|tracker ID``: the first child dies before its first statement, the second
before its second, and so on, until one has nothing left to do. Each lives ten minutes after the one before:
leases have run out. Prints how many died.
"""

import os
import signal
import sys
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctem.settings")
django.setup()

from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from tests.scans.killed_at_statements import Dying  # noqa: E402
from tickets.services.tracker_relay import relay_trackers  # noqa: E402
from tickets.services.tracker_rounds import serve  # noqa: E402
from tickets.services.webhook_relay import relay  # noqa: E402
from tickets.services.webhook_sending import send_due  # noqa: E402

MOST = 300


def work(what: str, pk: int, at) -> None:
    """A round, and one more of what the first one made happen."""
    for _ in range(2):
        if what == "webhook":
            relay(at=at)
            send_due(pk, clock=lambda: at)
        else:
            relay_trackers(at=at)
            serve(pk, clock=lambda: at)


def child(number: int, what: str, pk: int) -> int:
    """Work in a fork of this process, which has no connection yet; return how that ended."""
    pid = os.fork()
    if not pid:
        at = timezone.now() + timedelta(minutes=10 * number)
        with connection.execute_wrapper(Dying(number)):
            work(what, pk, at)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    told, row, killed = sys.argv[1], int(sys.argv[2]), 0
    while (status := child(killed + 1, told, row)) == -signal.SIGKILL and killed < MOST:
        killed += 1
    if status != 0:
        sys.exit(f"child {killed + 1} ended with {status}")
    sys.stdout.write(f"{killed}\n")
