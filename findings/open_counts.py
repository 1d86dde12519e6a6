"""How many open findings somebody sees in each status: asked once for a page, which tells it in several places."""

from django.db.models import Sum
from django.http import HttpRequest

from findings.models import Tally

_KEPT = "_open_by_status"


def open_by_status(request: HttpRequest) -> dict[str, int]:
    """Return the number of open findings by status, without those set aside. One statement for each request."""
    counts: dict[str, int] | None = getattr(request, _KEPT, None)
    if counts is None:
        rows = Tally.objects.visible_to(request.user).open().filter(set_aside="").order_by()
        told = rows.values_list("status").annotate(total=Sum("n"))
        counts = {status: n for status, n in told if n}
        setattr(request, _KEPT, counts)
    return counts
