"""Alerts of a code host: kept beside our findings, with what people said there. They move nothing here."""

from collections.abc import Collection
from itertools import islice

from core.text import clean_text
from findings.models import Finding, Sighting
from forges.hosts.records import Alert
from forges.models import HostAlert, Repository
from forges.services.analyses import Desk

MOST_ALERTS = 5000  # of one look; the next one goes on from the newest seen


def take_alerts(desk: Desk) -> int:
    """Write down the alerts that changed since the last look; return how many."""
    row = desk.row
    told = list(islice(desk.host.alerts(desk.told, row.alerts_until), MOST_ALERTS))
    HostAlert.objects.bulk_create(
        [_row(row, alert) for alert in reversed(told)],
        update_conflicts=True,
        unique_fields=["repository", "number"],
        update_fields=[
            "state", "tool", "rule", "path", "line", "url", "updated_at", "dismissed_by",
            "dismissed_at", "dismissed_reason", "dismissed_comment",
        ],
    )  # fmt: skip
    newest = max((alert.updated_at for alert in told), default="")
    if newest > row.alerts_until:
        Repository.objects.filter(pk=row.pk).update(alerts_until=newest[:40])
    return len(told)


def _row(repository: Repository, alert: Alert) -> HostAlert:
    return HostAlert(
        repository=repository, scope_id=repository.scope_id, number=alert.number[:40],
        state=alert.state, tool=clean_text(alert.tool, 120), rule=clean_text(alert.rule, 300),
        path=clean_text(alert.path, 1000), line=alert.line, url=alert.url[:500],
        updated_at=alert.updated_at[:40], dismissed_by=clean_text(alert.dismissed_by, 200),
        dismissed_at=alert.dismissed_at[:40],
        dismissed_reason=clean_text(alert.dismissed_reason, 200),
        dismissed_comment=clean_text(alert.dismissed_comment, 5000),
    )  # fmt: skip


def findings_of(repository: Repository, numbers: Collection[str]) -> list[int]:
    """The findings that the host's alerts of these numbers are, by rule and place; found once, kept.

    Where the place names no finding, or more than one, the alert is of none.
    """
    found = []
    for alert in repository.alerts.filter(number__in=numbers):
        if alert.finding_id is None:
            alert.finding = _finding(repository, alert)
            alert.save(update_fields=["finding"])
        if alert.finding_id is not None:
            found.append(alert.finding_id)
    return found


def _finding(repository: Repository, alert: HostAlert) -> Finding | None:
    rows = Finding.objects.filter(asset=repository.asset, tool=alert.tool, rule=alert.rule)
    here = list(rows.filter(path=alert.path, start_line=alert.line)[:2])
    if not here:
        seen = Sighting.objects.filter(path=alert.path, start_line=alert.line)
        here = list(rows.filter(pk__in=seen.values("finding_id"))[:2])
    return here[0] if len(here) == 1 else None
