"""Run in a process of its own: does one job and dies by SIGKILL at the place that it is told.

``killed_worker.py JOB PLACE``. Prints nothing: a dead process tells nothing.
"""

import os
import signal
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctem.settings")
django.setup()

from ctem import jobs  # noqa: E402
from scans.services import ingest  # noqa: E402

PLACES = {  # the function that is passed, and whether we die before it or after it
    "before reading": ("read", "before"),
    "before applying": ("apply_report", "before"),
    "amid the findings": ("_follow_up", "before"),
    "before the commit": ("append_event", "after"),
    "after the commit": ("apply_report", "after"),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(real, when: str):
    def call(*args, **kwargs):
        if when == "before":
            die()
        answer = real(*args, **kwargs)
        die()
        return answer

    return call


if __name__ == "__main__":
    name, when = PLACES[sys.argv[2]]
    setattr(ingest, name, dying(getattr(ingest, name), when))
    jobs.run(int(sys.argv[1]))
