"""That findings left as a file is told before the first of them leaves."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from core.errors import NotAllowed
from core.events import append_event
from core.models import User
from core.text import clean_text
from scopes.models import Scope

LONGEST_FILTER = 1_000  # characters that the event holds


@transaction.atomic
def record_export(
    *, counts: Mapping[int, int], form: str, words: str, by: User, at: datetime
) -> None:
    """Append one event for each scope of which findings leave: who, how many, by which filter.

    ``counts``: scope → findings. Raises NotAllowed where ``by`` may not read one of them.
    """
    told = Scope.objects.visible_to(by).filter(pk__in=counts).values_list("pk", flat=True)
    if set(told) != set(counts):
        raise NotAllowed("You may not read all of these findings any more.")
    for scope_id, count in sorted(counts.items()):
        append_event(
            scope_id=scope_id, action="findings.exported", subject="scope", subject_id=scope_id,
            by=by, at=at,
            data={"count": count, "format": form, "filter": clean_text(words, LONGEST_FILTER)},
        )  # fmt: skip
