"""Look-ups in a registry: whether a version of a package exists. A verb for service accounts."""

from datetime import datetime

from django.db import transaction

from core.errors import BadInput, NotAllowed
from core.events import append_event
from core.models import User, UserKind
from core.moments import rfc3339
from core.permissions import Permission
from findings.models import Finding
from findings.statuses import OPEN
from gate.errors import InputError
from gate.facts import read
from gate.packages import package_identity
from remediations.models import Release, Remediation
from remediations.statuses import EvidenceSource, RemediationState
from scans.ingest.records import result_from_json
from scans.services.attested import check_not_a_run
from scans.services.telling import judge_all, live, name_given, word
from scopes.access import check_may
from scopes.models import Scope

MAX_PACKAGE, MAX_VERSION = 300, 120


def record_release(
    *,
    scope: Scope,
    package: str,
    version: str,
    exists: bool,
    evidence: str,
    by: User,
    at: datetime,
    yanked: bool = False,
    as_of: datetime | None = None,
) -> Release:
    """Record what a registry said of a version, and judge the fixes of that package's findings anew.

    Each in a transaction of its own: a scope may have many. ``package``: a package URL without the
    version. Raises NotAllowed for people, whose word is no look-up; BadInput.
    """
    check_may(by, Permission.UPLOAD_SCAN, scope.pk)
    if by.kind != UserKind.SERVICE:
        raise NotAllowed("A look-up is made by a service account; a person's word is none.")
    check_not_a_run(by, "A look-up")
    package = name_given(package, "package", MAX_PACKAGE)
    version = name_given(version, "version", MAX_VERSION)
    _check_package(package)
    if yanked and not exists:
        raise BadInput("yanked", "a version that does not exist is not withdrawn")
    said = word(EvidenceSource.FETCHED, evidence, as_of, at)
    with transaction.atomic():
        row = Release.objects.create(
            scope=scope, package=package, version=version, exists=exists, yanked=yanked,
            source=said.source, evidence=said.evidence, as_of=said.as_of, at=at, by=by,
        )  # fmt: skip
        append_event(
            scope_id=scope.pk, action="scope.release_recorded", subject="scope",
            subject_id=scope.pk, by=by, at=at,
            data={"release": row.pk, "package": package, "version": version, "exists": exists,
                  "yanked": yanked, "evidence": row.evidence, "as_of": rfc3339(row.as_of)},
        )  # fmt: skip
    judge_all(_concerned(scope, package), at=at)
    return row


def _check_package(package: str) -> None:
    try:
        read({"releases": [{"package": package, "version": "1", "exists": True}]})
    except InputError as error:
        raise BadInput(
            "package", "is no package URL without a version, such as pkg:npm/lodash"
        ) from error


def package_of(finding: Finding) -> str:
    """The package URL that a finding is about, folded; empty where it is about none."""
    identity = package_identity(result_from_json(finding.original))
    return identity.purl.casefold() if identity else ""


def _concerned(scope: Scope, package: str) -> list[Remediation]:
    """Fixes of open findings of the package."""
    rows = Finding.objects.filter(scope=scope, status__in=OPEN, remediations__isnull=False)
    found = [f for f in rows.distinct().order_by("pk") if package_of(f) == package.casefold()]
    fixes = Remediation.objects.filter(scope=scope, findings__in=found)
    return list(live(fixes.exclude(state=RemediationState.WITHDRAWN)))
