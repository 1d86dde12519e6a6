"""Sign-ins that failed: each is counted, an event tells of them at most once an hour for each account."""

from datetime import datetime, timedelta

from django.db import transaction

from core.events import append_event
from core.models import FailedSignIns, User

TELL_EVERY = timedelta(hours=1)
NOBODY = 0  # stands for every name that no account has


@transaction.atomic
def note_failure(*, account: User | None, address: str | None, at: datetime) -> bool:
    """Count a failed sign-in; return whether an event told of it. What was typed is kept nowhere."""
    number = account.pk if account else NOBODY
    FailedSignIns.objects.bulk_create([FailedSignIns(account=number)], ignore_conflicts=True)
    row = FailedSignIns.objects.select_for_update().get(pk=number)
    row.count += 1
    if row.told_at is not None and at - row.told_at < TELL_EVERY:
        row.save(update_fields=["count"])
        return False
    failures, row.count, row.told_at = row.count, 0, at
    row.save(update_fields=["count", "told_at"])
    append_event(
        scope_id=None, action="sign_in.failed", subject="user", subject_id=number, by=None, at=at,
        data={"failures": failures, "address": address or "",
              **({"user": account.username} if account else {})},
    )  # fmt: skip
    return True


def failures_since_told(account: User) -> int:
    """How many sign-ins failed that no event has told of."""
    row = FailedSignIns.objects.filter(pk=account.pk).first()
    return row.count if row else 0


def forget_failures(account: User) -> None:
    """Count anew; the event that is written now tells of those before."""
    FailedSignIns.objects.filter(pk=account.pk).update(count=0)
