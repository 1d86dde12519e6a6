"""Doing an ordered scan: check out, start the scanner, measure what its report does not say.

No verdicts: what follows from the report is done by the same functions as for an upload. Nothing
is started inside a database transaction.
"""

import os
import stat
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core import blobs, jobs
from core.errors import BadInput
from core.models import Job
from core.text import clean_text
from gate.collect import Execution, Snapshot, measure, snapshot
from gate.errors import InputError
from gate.formats import read
from gate.records import Report
from scans.models import Scan
from scans.runners import Recipe
from scans.runners.checkout import MEBIBYTE, allowed_repository, check_out
from scans.runners.confined import Ended, Limits, environment, run_confined
from scans.services.ingest import apply_report, fail_scan, set_progress
from scans.statuses import FactSource, ScanState

SCAN_LIMITS = Limits(
    wall_seconds=1800, cpu_seconds=1800, memory_bytes=4096 * MEBIBYTE,
    file_bytes=512 * MEBIBYTE, processes=64,
)  # fmt: skip
OUT = "{out}"  # in a recipe's command: the path of the report


@dataclass(frozen=True, slots=True)
class Output:
    """What one run left: its raw file, the same read, and its facts."""

    data: bytes
    report: Report
    facts: dict[str, Any]


def run_scan(job: Job) -> None:
    """Do one ordered scan, from the checkout to findings and judgements.

    Idempotent: a later attempt starts over, a lost lease writes nothing. What cannot be used ends
    the scan as failed, with a sentence that names the place and the limit.
    """
    scan = Scan.objects.select_related("scope", "asset", "line").get(pk=job.subject_id)
    if scan.is_over:
        jobs.finish(job, timezone.now())
        return
    set_progress(scan, ScanState.SCANNING)
    log: list[str] = []
    try:
        with tempfile.TemporaryDirectory(prefix="ctem-run-", ignore_cleanup_errors=True) as folder:
            output = _scan(scan, Path(folder), log)
    except (BadInput, InputError) as error:
        _keep(scan, job, log="\n".join(log))
        fail_scan(scan, job, str(error), timezone.now())
        return
    raw = blobs.store(output.data, at=timezone.now())
    facts = output.facts
    known = {name: facts.get(name, "") for name in ("commit", "tree", "tool_class")}
    if _keep(scan, job, raw=raw, facts=facts, log="\n".join(log), **known):
        set_progress(scan, ScanState.APPLYING, 0, sum(len(r.results) for r in output.report.runs))
        apply_report(scan, job, output.report)


@transaction.atomic
def _keep(scan: Scan, job: Job, **values: Any) -> bool:
    """Write what the run gave, if the lease is still ours; say whether it is."""
    if not jobs.held(job).select_for_update().exists():
        return False
    values["log"] = clean_text(values["log"])
    for name, value in values.items():
        setattr(scan, name, value)
    Scan.objects.filter(pk=scan.pk).update(**values)
    return True


def _scan(scan: Scan, folder: Path, log: list[str]) -> Output:
    """Check out and run the scan's recipe in ``folder``. Raises BadInput or InputError."""
    recipe, commit = _recipe(scan.recipe)
    source = allowed_repository(scan.asset.repository, settings.RUNNER_REPOSITORIES)
    log.append(f"checking out {commit} of {source}")
    top = check_out(source, commit, folder)
    before = snapshot(top)
    execution, data = _execute(recipe, top, folder, log)
    set_progress(scan, ScanState.PARSING, 0, len(data))
    report = read(scan.document_name, data)
    measured = measure(top, report=report, execution=execution, before=before)
    _check_binding(measured, before, commit)
    kept = {name: scan.facts[name] for name in ("uploader", "uploader_kind") if name in scan.facts}
    facts = {
        **measured,
        **kept,
        "tool_class": recipe.tool_class,
        "source": FactSource.MEASURED.value,
    }
    return Output(data, report, facts)


def _recipe(stored: dict[str, Any]) -> tuple[Recipe, str]:
    """The recipe as it was ordered, and the commit to scan."""
    return (
        Recipe(
            name=stored["name"],
            tool_class=stored["tool_class"],
            command=tuple(stored["command"]),
            ok_exit_codes=tuple(stored["ok_exit_codes"]),
        ),
        stored["commit"],
    )


def _execute(recipe: Recipe, top: Path, folder: Path, log: list[str]) -> tuple[Execution, bytes]:
    """Start the scanner in the working copy, with a home and an output folder outside of it."""
    home, out = folder / "home", folder / "out"
    home.mkdir()
    out.mkdir()
    report_path = out / "report.sarif"
    started_at = _now()
    ended = run_confined(
        [part.replace(OUT, str(report_path)) for part in recipe.command],
        cwd=top, environ=environment(home), limits=SCAN_LIMITS,
    )  # fmt: skip
    finished_at = _now()
    how = "took too long and was ended" if ended.timed_out else f"ended with {ended.exit_code}"
    log.append(f"{recipe.name} started {started_at}, {how} {finished_at}\n{ended.output}".rstrip())
    _check_end(recipe, ended)
    execution = Execution(recipe.command, ended.exit_code, started_at, finished_at, OUT)
    return execution, _read_report(recipe.name, report_path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _check_end(recipe: Recipe, ended: Ended) -> None:
    if ended.timed_out:
        raise BadInput(recipe.name, f"took longer than allowed ({SCAN_LIMITS.wall_seconds} s)")
    if ended.exit_code not in recipe.ok_exit_codes:
        expected = " or ".join(map(str, recipe.ok_exit_codes))
        raise BadInput(
            recipe.name, f"ended with status {ended.exit_code}, not {expected}: {ended.words()}"
        )


def _read_report(scanner: str, path: Path) -> bytes:
    """The report, which must be a plain file of the allowed size. Raises BadInput."""
    limit = settings.MAX_REPORT_BYTES
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise BadInput(scanner, f"wrote no report ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BadInput(scanner, "wrote no report (it is not a plain file)")
    with os.fdopen(handle, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise BadInput(scanner, f"wrote a report larger than allowed (> {limit} bytes)")
    return data


def _check_binding(facts: dict[str, Any], before: Snapshot, commit: str) -> None:
    """What was scanned is exactly what was ordered, before and after the scanner ran."""
    if facts["commit"] != commit:
        changed = ", ".join(before.changed[:3]) or "the scanner changed files"
        raise BadInput("checkout", f"is not exactly {commit[:12]}: {changed}")
