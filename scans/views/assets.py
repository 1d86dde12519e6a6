"""The list of assets, and the home of one: what it is, who owns it, what looks at it, what it hangs on."""

from typing import Any

from django.contrib import messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.history import tell
from core.listing import listing, toggled
from core.models import Event
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from findings.models import Tally
from findings.services.owning import take_code_owners
from findings.statuses import Severity
from scans.inbox import InboxReport
from scans.services.attested import check_may_upload
from scans.services.coverage import Coverage, coverage_of
from scopes.access import can
from scopes.codeowners import MAX_BYTES
from scopes.filters import AssetFilter
from scopes.models import Asset, AssetKind, AssetLink, CodeOwners, Team
from scopes.scoping_forms import AssetForm, CodeOwnersForm, LinkForm
from scopes.services.assets import change_asset
from scopes.services.links import link_assets, unlink_assets

MOST_LINKS = 200
MOST_EVENTS = 20


@require_GET
def assets(request: HttpRequest) -> HttpResponse:
    rows = Asset.objects.visible_to(request.user).select_related("scope", "team")
    listed = listing(request, AssetFilter, rows.order_by("name", "id"))
    told = coverage_of(listed.page.rows, at=timezone.now())
    counts = open_by_severity([asset.pk for asset in listed.page.rows])
    context = {
        "listed": listed,
        "rows": [{"coverage": row, "open": counts.get(row.asset.pk, {})} for row in told],
        "kinds": [
            {
                "words": kind.value.replace("_", " "),
                "url": toggled(listed.query, "kind", kind.value),
                "active": kind.value in listed.query.getlist("kind"),
            }
            for kind in AssetKind
        ],
        "waiting": InboxReport.objects.visible_to(request.user).waiting().exists(),
    }
    return render(request, "assets/list.html", context)


def open_by_severity(ids: list[int]) -> dict[int, dict[str, int]]:
    """Asset → severity → its open findings, by the tally. One statement."""
    rows = Tally.objects.open().filter(asset__in=ids).order_by().values_list("asset_id", "severity")
    told: dict[int, dict[str, int]] = {}
    for asset_id, severity, n in rows.annotate(total=Sum("n")):
        if n:
            told.setdefault(asset_id, {})[severity] = n
    return told


@require_GET
def asset(request: HttpRequest, pk: int) -> HttpResponse:
    rows = Asset.objects.visible_to(request.user).select_related("scope", "team")
    return show(request, get_object_or_404(rows, pk=pk))


def show(request: HttpRequest, shown: Asset) -> HttpResponse:
    (coverage,) = coverage_of([shown], at=timezone.now())
    counts = open_by_severity([shown.pk]).get(shown.pk, {})
    owners = CodeOwners.objects.in_force().filter(asset=shown).defer("text").first()
    may = {p: can(person(request), p, shown.scope_id)
           for p in (Permission.ADMINISTER, Permission.UPLOAD_SCAN)}  # fmt: skip
    links = AssetLink.objects.filter(asset=shown).select_related("target").order_by("kind", "pk")
    linked = AssetLink.objects.filter(target=shown).select_related("asset").order_by("kind", "pk")
    context = {
        "asset": shown,
        "lines": shown.lines.order_by("kind", "name"),
        "coverage": coverage,
        "classes": classes_of(coverage),
        "open": [(s.value, counts.get(s.value, 0)) for s in Severity],
        "owners": owners,
        "owner_teams": Team.objects.filter(scope=shown.scope_id).exclude(handle="").count(),
        "links": links[:MOST_LINKS],
        "linked_by": linked[:MOST_LINKS],
        "aliases": shown.aliases.order_by("name")[:MOST_LINKS],
        "may_change": may[Permission.ADMINISTER],
        "may_upload": may[Permission.UPLOAD_SCAN],
        "form": AssetForm(initial=_initial(shown), asset=shown),
        "link_form": LinkForm(),
        "owners_form": CodeOwnersForm(auto_id="owners-%s"),
        "history": tell(
            Event.objects.about("asset", shown.pk)
            .select_related("actor")
            .order_by("-id")[:MOST_EVENTS]
        ),
    }
    return render(request, "assets/detail.html", context)


def _initial(shown: Asset) -> dict[str, Any]:
    names = ("name", "kind", "environment", "team", "repository", "address", "external_id")
    return {**{name: getattr(shown, name) for name in names}, "tags": " ".join(shown.tags)}


def classes_of(coverage: Coverage) -> list[dict[str, Any]]:
    """Each class that should look or did, with its last look at the default line and what is missing."""
    gaps = {gap.tool_class: gap for gap in coverage.gaps}
    looked = [look.tool_class for look in coverage.looks]
    names = dict.fromkeys([*coverage.expected, *gaps, *looked])
    return [
        {
            "name": name,
            "expected": name in coverage.expected,
            "gap": gaps.get(name),
            "looks": [look for look in coverage.looks if look.tool_class == name],
        }
        for name in names
    ]


# --- what changes --------------------------------------------------------------------------------
def _visible(request: HttpRequest, pk: int) -> Asset:
    return get_object_or_404(Asset.objects.visible_to(request.user).select_related("scope"), pk=pk)


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    shown = _visible(request, pk)
    form = AssetForm(request.POST, asset=shown)
    if not form.is_valid():
        return refuse_form(request, form, back=_home(shown))
    return attempt(
        request,
        lambda: change_asset(
            asset=shown, by=person(request), at=timezone.now(), **form.cleaned_data
        ),
        done="Changed.",
        back=_home(shown),
    )


@require_POST
def link(request: HttpRequest, pk: int) -> HttpResponse:
    shown, form = _visible(request, pk), LinkForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=_home(shown))
    target = Asset.objects.filter(scope=shown.scope_id, name=form.cleaned_data["target"]).first()
    if target is None:
        messages.error(request, "The scope has no asset of this name.")
        return redirect(_home(shown))
    return attempt(
        request,
        lambda: link_assets(
            asset=shown, kind=form.cleaned_data["kind"], target=target, by=person(request),
            at=timezone.now(),
        ),
        done=f"Linked with {target}.",
        back=_home(shown),
    )  # fmt: skip


@require_POST
def unlink(request: HttpRequest, pk: int) -> HttpResponse:
    rows = AssetLink.objects.visible_to(request.user).select_related("asset", "target")
    row = get_object_or_404(rows, pk=pk)
    return attempt(
        request,
        lambda: unlink_assets(link=row, by=person(request), at=timezone.now()),
        done=f"No longer linked with {row.target}.",
        back=_home(row.asset),
    )


@require_POST
def tell_owners(request: HttpRequest, pk: int) -> HttpResponse:
    shown, form = _visible(request, pk), CodeOwnersForm(request.POST, request.FILES)
    if not form.is_valid():
        return refuse_form(request, form, back=_home(shown))

    def verb() -> None:
        check_may_upload(person(request), shown)
        take_code_owners(
            asset=shown, text=form.cleaned_data["file"].read(MAX_BYTES + 1), path=form.cleaned_data["path"],
            by=person(request), at=timezone.now(),
        )  # fmt: skip

    return attempt(
        request, verb, done="Open findings have their owners by this file.", back=_home(shown)
    )


def _home(shown: Asset) -> str:
    return f"/assets/{shown.pk}/"
