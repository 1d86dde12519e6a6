"""Reads one report and prints what it took; a process of its own, so that its peak is the report's."""

from __future__ import annotations

import json
import resource
import sys

from gate import formats
from gate.errors import InputError
from gate.formats.content import File


def main() -> None:
    """Print processor seconds, peak in KiB, and the number of results or ``refused``."""
    try:
        report = formats.read("report", File(sys.argv[1]))
        told = str(sum(len(run.results) + len(run.passed) for run in report.runs))
    except InputError as error:
        told = "refused"
        sys.stderr.write(f"{error}\n")
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = used.ru_utime + used.ru_stime
    sys.stdout.write(json.dumps({"told": told, "seconds": seconds, "peak": used.ru_maxrss}))


if __name__ == "__main__":
    main()
