"""Run in a process of its own: does each job in a child, which dies by SIGKILL before its nth statement.

``killed_at_statements.py JOB…``: the first job dies before its first statement, the second before its
second, and so on. Prints how each child ended as JSON: -9 was killed, 0 did its job to the end.
"""

import json
import os
import signal
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctem.settings")
django.setup()

from django.db import connection  # noqa: E402

from ctem import jobs  # noqa: E402


class Dying:
    """Lets so many statements pass, and dies before the next."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, execute, sql, params, many, context):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)


def child(number: int, job: int) -> int:
    """Do the job in a fork of this process, which has no connection yet; return how that ended."""
    pid = os.fork()
    if not pid:
        with connection.execute_wrapper(Dying(number)):
            jobs.run(job)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    ended = [child(number, int(job)) for number, job in enumerate(sys.argv[1:], 1)]
    sys.stdout.write(json.dumps(ended) + "\n")
