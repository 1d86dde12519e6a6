"""What people bring to a finding beside its transitions: evidence, files, tags, a severity, disputes."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core import blobs
from core.downloads import hand_out
from core.models import User
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from findings.discovery_forms import split
from findings.models import Finding, FindingDispute
from findings.services.disputes import answer_dispute, dispute_finding, withdraw_dispute
from findings.services.evidence import add_evidence, attach
from findings.services.severities import decide_severity
from findings.services.tagging import set_tags
from findings.statuses import OPEN, FindingDisputeState, SetAside, Status
from findings.validation_forms import (
    ABOUT,
    AnswerForm,
    BringForm,
    DisputeFindingForm,
    FileForm,
    SeverityForm,
    TagsForm,
)
from findings.views.findings import visible_finding
from scopes.access import can

MOST = 20  # rows of each that a page lists


def triage_of(user: User, finding: Finding) -> dict[str, Any]:
    """Context of a finding's page: files, tags, what rules did, disputes, with forms for who may."""
    may_triage = can(user, Permission.TRIAGE, finding.scope_id)
    may_say = can(user, Permission.CLAIM, finding.scope_id)
    is_open = finding.status in OPEN
    applied = list(
        finding.applied_rules.select_related("rule").order_by("-pk")[:MOST]
    )  # of all, the newest
    disputes = finding.disputed.select_related("by", "answered_by").order_by("-pk")[:MOST]
    return {
        "files": list(finding.attachments.select_related("by", "evidence").order_by("number")),
        "tags": list(finding.tagged.order_by("tag__name").values_list("tag__name", flat=True)),
        "applied": applied,
        "aside_by": _aside_by(finding, applied),
        "decided": finding.severity_decisions.select_related("by").order_by("-pk").first()
        if finding.decided_severity
        else None,
        "finding_disputes": [_shown(row, user, may_triage) for row in disputes],
        "bring_form": BringForm(auto_id="id_bring_%s") if is_open and may_triage else None,
        "file_form": FileForm(auto_id="id_file_%s") if is_open and may_say else None,
        "tags_form": TagsForm(auto_id="id_tags_%s") if may_triage else None,
        "severity_form": SeverityForm(
            auto_id="id_severity_%s", initial={"severity": finding.decided_severity}
        )
        if may_triage
        else None,
        "dispute_form": DisputeFindingForm(auto_id="id_dispute_%s")
        if is_open and may_say
        else None,
        "may_generalise": may_triage and finding.status == Status.FALSE_POSITIVE,
    }


def _aside_by(finding: Finding, applied: list[Any]) -> Any:
    if finding.set_aside == SetAside.NOT:
        return None
    standing = (row for row in applied if row.undone_at is None and "set_aside" in row.did)
    return next(standing, None)


def _shown(row: FindingDispute, user: User, may_triage: bool) -> dict[str, Any]:
    """A dispute with the form to answer it, for who may: never one's own."""
    waits = row.state == FindingDisputeState.OPEN
    mine = row.by_id == user.pk
    form = None
    if waits and may_triage and not mine:
        form = AnswerForm(finding=row.finding, about=row.about, auto_id=f"id_answer_{row.pk}_%s")
    words = ABOUT[next(about for about in ABOUT if about == row.about)]
    return {"row": row, "words": words, "waits": waits, "mine": waits and mine, "form": form}


def _do(
    request: HttpRequest, finding: Finding, form: forms.Form, verb: Callable[[], Any], done: str,
    where: str,
) -> HttpResponse:  # fmt: skip
    back = f"{finding.get_absolute_url()}#{where}"
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    return attempt(request, verb, done=done, back=back)


def _now(request: HttpRequest) -> dict[str, Any]:
    return {"by": person(request), "at": timezone.now()}


@require_POST
def bring(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring evidence, with or without a file."""
    finding = visible_finding(request, pk)
    form = BringForm(request.POST, request.FILES)

    def verb() -> None:
        told = dict(form.cleaned_data)
        file = told.pop("file")
        with_file = {"name": file.name, "blocks": file.chunks()} if file else {}
        add_evidence(finding=finding, **told, **with_file, **_now(request))

    return _do(request, finding, form, verb, "The evidence is there.", "evidence")


@require_POST
def bring_file(request: HttpRequest, pk: int) -> HttpResponse:
    finding = visible_finding(request, pk)
    form = FileForm(request.POST, request.FILES)

    def verb() -> None:
        file = form.cleaned_data["file"]
        attach(finding=finding, name=file.name, blocks=file.chunks(), **_now(request))

    return _do(request, finding, form, verb, "The file is there.", "evidence")


@require_GET
def file(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Hand out a file of the finding."""
    row = get_object_or_404(visible_finding(request, pk).attachments, number=number)
    return hand_out(blobs.load(row.blob_id), row.content_type, row.name)


@require_POST
def tag(request: HttpRequest, pk: int) -> HttpResponse:
    finding = visible_finding(request, pk)
    form = TagsForm(request.POST)

    def verb() -> None:
        add, remove = (split(name, form.cleaned_data[name]) for name in ("add", "remove"))
        set_tags(finding=finding, add=add, remove=remove, **_now(request))

    return _do(request, finding, form, verb, "The tags are set.", "triage")


@require_POST
def set_severity(request: HttpRequest, pk: int) -> HttpResponse:
    finding = visible_finding(request, pk)
    form = SeverityForm(request.POST)

    def verb() -> None:
        decide_severity(finding=finding, **form.cleaned_data, **_now(request))

    return _do(request, finding, form, verb, "The severity is decided.", "triage")


@require_POST
def dispute(request: HttpRequest, pk: int) -> HttpResponse:
    finding = visible_finding(request, pk)
    form = DisputeFindingForm(request.POST)

    def verb() -> None:
        dispute_finding(finding=finding, **form.cleaned_data, **_now(request))

    return _do(request, finding, form, verb, "Said. An analyst answers.", "disputed")


def _visible_dispute(request: HttpRequest, pk: int) -> FindingDispute:
    rows = FindingDispute.objects.visible_to(request.user).select_related("finding")
    return get_object_or_404(rows, pk=pk)


@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    row = _visible_dispute(request, pk)
    form = AnswerForm(request.POST, finding=row.finding, about=row.about)

    def verb() -> None:
        answer_dispute(dispute=row, **form.cleaned_data, **_now(request))

    return _do(request, row.finding, form, verb, "The dispute is answered.", "disputed")


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    row = _visible_dispute(request, pk)
    verb = partial(withdraw_dispute, dispute=row, **_now(request))
    back = f"{row.finding.get_absolute_url()}#disputed"
    return attempt(request, verb, done="The dispute is taken back.", back=back)
