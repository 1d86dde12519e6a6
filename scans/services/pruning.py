"""Forgetting which result each old scan saw, and places that findings left long ago.

What evidence rests on stays: scans that a judgement read, the last scan of a series, and all
sightings of findings that were ever judged. Raw files and scans themselves stay too.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from findings.models import Series, Sighting
from scans.models import ResultIndex, ScanResults, Verification, VerificationScan


@transaction.atomic
def prune(*, at: datetime) -> dict[str, int]:
    """Delete what is older than ``SIGHTINGS_DAYS``; return how many rows of what. 0 days: keep all."""
    if not settings.SIGHTINGS_DAYS:
        return {}
    before = at - timedelta(days=settings.SIGHTINGS_DAYS)
    judged = Verification.objects.filter(finding=OuterRef("finding"))
    later = Sighting.objects.filter(finding=OuterRef("finding"), scan_id__lt=OuterRef("scan_id"))
    sightings = Sighting.objects.filter(
        ~Exists(judged),
        Exists(later),  # the first place of all stays
        at__lt=before,
        ended_by__isnull=False,
    )
    read = VerificationScan.objects.filter(scan=OuterRef("scan"))
    last = Series.objects.filter(pk=OuterRef("series"), last_scan_id=OuterRef("scan"))
    results = ScanResults.objects.filter(~Exists(read), ~Exists(last), scan__created_at__lt=before)
    told = {"sightings": sightings.delete()[0], "results": results.delete()[0]}
    used = ScanResults.objects.filter(index=OuterRef("pk"))
    return {**told, "indexes": ResultIndex.objects.filter(~Exists(used)).delete()[0]}
