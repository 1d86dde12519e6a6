"""Which findings a person means: those of a list, as its filters let them through.

The words are those of the list's address, so that what is shown is what is meant.
"""

from django.http import HttpRequest, QueryDict

from core.errors import BadInput
from core.text import is_clean
from findings.filters import FindingFilter
from findings.models import Finding, FindingQuerySet

MOST_WORDS = 4_000  # characters of a filter
LEFT_OUT = ("ordering", "cursor", "page_size")  # of a list's address: they choose nothing


def filtered(words: str, request: HttpRequest) -> FindingQuerySet:
    """Return the findings that the filters ``words`` (a query string) let through, most urgent first.

    ``request`` tells who asks: others' findings are not there. Raises BadInput for a filter that is
    unknown or cannot be used: an ignored filter would choose too many.
    """
    if len(words) > MOST_WORDS:
        raise BadInput("filter", f"longer than allowed ({len(words)} > {MOST_WORDS} characters)")
    query = _query(words)
    told = FindingFilter(query, queryset=Finding.objects.visible_to(request.user), request=request)
    for name, values in query.lists():
        if name not in told.filters:
            raise BadInput("filter", f"there is no filter called {name[:40]!r}")
        if not all(map(is_clean, values)):
            raise BadInput("filter", f"{name} holds a character that cannot be stored")
    if not told.is_valid():
        name, errors = next(iter(told.errors.items()))
        raise BadInput("filter", f"{name}: {' '.join(map(str, errors))}")
    chosen: FindingQuerySet = told.qs
    return chosen.order_by("-priority_score", "-pk")


def _query(words: str) -> QueryDict:
    try:
        told = QueryDict(words.lstrip("?"), mutable=True)
    except (UnicodeError, ValueError) as error:
        raise BadInput("filter", f"cannot be read: {error}") from error
    for name, values in list(told.lists()):
        filled = [value for value in values if value]
        told.pop(name)
        if filled and name not in LEFT_OUT:
            told.setlist(name, filled)
    return told
