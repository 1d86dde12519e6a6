"""Doing an ordered scan: check out, start the scanner, measure what its report does not say.

No verdicts: what follows from the report is done by the same functions as for an upload. Nothing
is started inside a database transaction.
"""

import os
import re
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
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
from scans.runners import (
    CONFIG,
    OUT,
    Network,
    Output,
    Recipe,
    isolation,
    stored_recipe,
    why_not_here,
)
from scans.runners.checkout import MEBIBYTE, allowed_repository, check_out
from scans.runners.confined import Ended, Limits, Stopped, run_confined
from scans.runners.convert import converted, with_root
from scans.runners.isolation import Room
from scans.services.ingest import apply_report, fail_scan, set_progress
from scans.statuses import FactSource, ScanState, ToolClass

SCAN_LIMITS = Limits(
    wall_seconds=1800, cpu_seconds=1800, memory_bytes=4096 * MEBIBYTE,
    file_bytes=512 * MEBIBYTE, processes=64,
)  # fmt: skip
MOST_WRITTEN = 2048 * MEBIBYTE  # of all files that a scanner leaves at once
REPORT = "report.sarif"  # the name of the file that a command writes


@dataclass(frozen=True, slots=True)
class Left:
    """What one run left: its raw file, the same read, and its facts."""

    data: bytes
    report: Report
    facts: dict[str, Any]


def run_scan(job: Job) -> None:
    """Do one ordered scan, from the checkout to findings and judgements.

    Idempotent: a later attempt starts over, a lost lease writes nothing. What cannot be used ends
    the scan as failed, with a sentence that names the place and the limit. A scan that was cancelled
    meanwhile is over already: its programs are ended within seconds, and nothing is written.
    """
    scan = Scan.objects.select_related("scope", "asset", "line").get(pk=job.subject_id)
    if scan.is_over:
        jobs.finish(job, timezone.now())
        return
    set_progress(scan, ScanState.SCANNING)
    log: list[str] = []
    try:
        with tempfile.TemporaryDirectory(prefix="ctem-run-", ignore_cleanup_errors=True) as folder:
            left = _scan(scan, job, Path(folder), log)
    except Stopped:
        lost = Scan.objects.filter(pk=scan.pk, state=ScanState.CANCELLED)
        lost.update(log=clean_text("\n".join([*log, "ended: it was cancelled"])))
        return
    except (BadInput, InputError) as error:
        _keep(scan, job, log="\n".join(log))
        fail_scan(scan, job, str(error), timezone.now())
        return
    raw = blobs.store(left.data, at=timezone.now())
    facts = left.facts
    known = {name: facts.get(name, "") for name in ("commit", "tree", "tool_class")}
    if _keep(scan, job, raw=raw, facts=facts, log="\n".join(log), **known):
        set_progress(scan, ScanState.APPLYING, 0, sum(len(r.results) for r in left.report.runs))
        apply_report(scan, job, left.report)


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


def _scan(scan: Scan, job: Job, folder: Path, log: list[str]) -> Left:
    """Check out and run the scan's recipe in ``folder``. Raises BadInput, InputError or Stopped."""
    stored = scan.recipe
    digest = stored.get("config_sha256", "")
    recipe = stored_recipe(stored, blobs.load(digest) if digest else b"")
    source = allowed_repository(scan.asset.repository, settings.RUNNER_REPOSITORIES)
    log.append(f"checking out {scan.commit} of {source}")
    look = _looker(job, folder)
    room = Room(folder / "checkout", folder / "home", folder / "out", folder / "config")
    top = check_out(source, stored["commit"], folder, look)
    before = snapshot(top)
    execution, data = _execute(recipe, room, log, look)
    set_progress(scan, ScanState.PARSING, 0, len(data))
    report = read(scan.document_name, data)
    measured = measure(top, report=report, execution=execution, before=before)
    _check_binding(measured, before, stored["commit"])
    kept = {name: scan.facts[name] for name in ("uploader", "uploader_kind") if name in scan.facts}
    facts = {**measured, **kept, **_told(recipe, scan), "source": FactSource.MEASURED.value}
    return Left(data, report, facts)


def _told(recipe: Recipe, scan: Scan) -> dict[str, str]:
    """Facts that the recipe says."""
    told = {"tool_class": recipe.tool_class, "vendor": recipe.vendor, "model": recipe.model}
    if recipe.tool_class == ToolClass.AGENTIC:
        told["agent_run"] = f"scan-{scan.pk}"
    return {name: value for name, value in told.items() if value}


def _looker(job: Job, folder: Path) -> Callable[[], None]:
    """What looks each second whether the run is still wanted, and within its room on disk."""

    def look() -> None:
        try:
            if not jobs.held(job).exists():
                raise Stopped
        except OperationalError:  # a database that is away for a moment ends no scan
            connection.close_if_unusable_or_obsolete()
        used = sum(_used(folder / name) for name in ("home", "out"))
        if used > MOST_WRITTEN:
            raise BadInput("scanner", f"wrote more than allowed ({used} > {MOST_WRITTEN} bytes)")

    return look


def _used(folder: Path) -> int:
    """Bytes of all files below a folder that a scanner writes to meanwhile; links are not followed."""
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):
                total += os.lstat(Path(path, name)).st_size
    return total


def _execute(
    recipe: Recipe, room: Room, log: list[str], look: Callable[[], None]
) -> tuple[Execution, bytes]:
    """Start the scanner in the working copy, with a home and an output folder outside of it."""
    _check_wall(recipe, log)
    for folder in (room.home, room.out, room.config):
        folder.mkdir()
    if recipe.config_name:
        (room.config / recipe.config_name).write_bytes(recipe.config)
    seen = isolation.seen(room)
    paths = {OUT: str(seen.out / REPORT), CONFIG: str(seen.config / recipe.config_name)}
    started_at = _now()
    ended = _start([_filled(part, paths) for part in recipe.command], recipe, room, look)
    finished_at = _now()
    how = "took too long and was ended" if ended.timed_out else f"ended with {ended.exit_code}"
    log.append(f"{recipe.name} started {started_at}, {how} {finished_at}\n{ended.output}".rstrip())
    _check_end(recipe, ended)
    execution = Execution(recipe.shown_command, ended.exit_code, started_at, finished_at, OUT)
    data = _read_report(recipe.name, room.out / REPORT, ended)
    if recipe.output == Output.SARIF:
        return execution, with_root(data, seen.top)
    version = _version(recipe, room, look)
    return execution, converted(recipe.output, data, version=version, top=room.top, seen=seen.top)


def _check_wall(recipe: Recipe, log: list[str]) -> None:
    """Note how the scanner is isolated. Raises BadInput where the operator asks for more."""
    if refusal := why_not_here(recipe):
        raise BadInput("recipe", refusal)
    if isolation.available():
        network = "with" if recipe.network == Network.ALLOWED else "no"
        log.append(f"isolated by bubblewrap: read-only checkout, {network} network")
        return
    if settings.RUNNER_ISOLATION == "required":
        raise BadInput("CTEM_RUNNER_ISOLATION", f"is required, but {isolation.MISSING}")
    log.append(f"not isolated: {isolation.MISSING}")


def _start(command: list[str], recipe: Recipe, room: Room, look: Callable[[], None]) -> Ended:
    return run_confined(
        isolation.wrapped(command, room, network=recipe.network == Network.ALLOWED),
        cwd=room.top,
        environ=isolation.environ_of(room),
        limits=isolation.limits_of(SCAN_LIMITS),
        look=look,
    )


def _filled(part: str, paths: dict[str, str]) -> str:
    for name, path in paths.items():
        part = part.replace(name, path)
    return part


def _version(recipe: Recipe, room: Room, look: Callable[[], None]) -> str:
    """The version of a tool whose report does not say it; empty where it says none."""
    ended = _start([recipe.command[0], "--version"], recipe, room, look)
    found = re.search(r"\d+(?:\.\d+)+\S*", ended.output) if ended.exit_code == 0 else None
    return found[0][:40] if found else ""


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


def _read_report(scanner: str, path: Path, ended: Ended) -> bytes:
    """The report, which must be a plain file of the allowed size. Raises BadInput."""
    limit = settings.MAX_REPORT_BYTES
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        said = f": {ended.words()}" if ended.output.strip() else ""
        raise BadInput(scanner, f"wrote no report ({error.strerror}){said}") from error
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
