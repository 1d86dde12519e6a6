"""Which findings a person means: those of a list, as its filters let them through.

The words are those of the list's address, so that what is shown is what is meant.
"""

from django.http import HttpRequest, QueryDict

from core.errors import BadInput
from core.text import is_clean
from findings.filters import FindingFilter
from findings.models import Finding, FindingQuerySet

MOST_WORDS = 4_000  # characters of a filter
PAGING = ("cursor", "page_size")  # of a list's address: they say where one is
LEFT_OUT = ("ordering", *PAGING)  # they choose nothing


def filtered(
    words: str, request: HttpRequest, filters: type[FindingFilter] = FindingFilter
) -> FindingQuerySet:
    """Return the findings that the filters ``words`` (a query string) let through, most urgent first.

    ``request`` tells who asks: others' findings are not there. ``filters``: QueueFilter, where what is
    set aside was not shown. Raises BadInput for a filter that is unknown or cannot be used: an ignored
    filter would choose too many.
    """
    told = _read(words, request, filters, LEFT_OUT)
    chosen: FindingQuerySet = told.qs
    return chosen.order_by("-priority_score", "-pk")


def in_their_order(
    words: str, request: HttpRequest, filters: type[FindingFilter] = FindingFilter
) -> FindingQuerySet:
    """As ``filtered``, in the order that the words ask for, else most urgent first."""
    told = _read(words, request, filters, PAGING)
    chosen: FindingQuerySet = told.qs
    return (
        chosen if told.form.cleaned_data["ordering"] else chosen.order_by("-priority_score", "-pk")
    )


def read_words(words: str, request: HttpRequest) -> str:
    """Return filters and order as they are kept: without what says where one is. Raises BadInput."""
    told = _read(words, request, FindingFilter, PAGING)
    kept: str = told.data.urlencode()
    return kept


def _read(
    words: str, request: HttpRequest, filters: type[FindingFilter], without: tuple[str, ...]
) -> FindingFilter:
    if len(words) > MOST_WORDS:
        raise BadInput("filter", f"longer than allowed ({len(words)} > {MOST_WORDS} characters)")
    query = query_of(words, without)
    told = filters(query, queryset=Finding.objects.visible_to(request.user), request=request)
    for name, values in query.lists():
        if name not in told.filters:
            raise BadInput("filter", f"there is no filter called {name[:40]!r}")
        if not all(map(is_clean, values)):
            raise BadInput("filter", f"{name} holds a character that cannot be stored")
    if not told.is_valid():
        name, errors = next(iter(told.errors.items()))
        raise BadInput("filter", f"{name}: {' '.join(map(str, errors))}")
    return told


def query_of(words: str, without: tuple[str, ...] = ()) -> QueryDict:
    """Return a query string's parameters, but those that are empty. Raises BadInput."""
    try:
        told = QueryDict(words.lstrip("?"), mutable=True)
    except (UnicodeError, ValueError) as error:
        raise BadInput("filter", f"cannot be read: {error}") from error
    for name, values in list(told.lists()):
        filled = [value for value in values if value]
        told.pop(name)
        if filled and name not in without:
            told.setlist(name, filled)
    return told
