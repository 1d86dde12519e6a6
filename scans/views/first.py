"""The first run: the first account while there is none, and a report brought by hand."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from core.errors import Refused
from core.views import person
from scans.first_forms import ReportForm, SetupForm
from scans.services.uploads import blocks_of, upload_scan
from scopes.models import LineKind
from scopes.services import create_asset
from scopes.services.setting_up import check_code, is_fresh, set_up


@sensitive_post_parameters("password", "code")
@login_not_required
@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """Make the first account, and sign it in. 404 as soon as anybody has one."""
    if not is_fresh():
        raise Http404
    form = SetupForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return render(request, "setup.html", {"form": form}, status=400 if form.errors else 200)
    told = dict(form.cleaned_data)
    try:
        if (code := told.pop("code", None)) is not None:
            check_code(code)
        user = set_up(**told, at=timezone.now())
    except Refused as refusal:
        form.add_error(None, str(refusal).removeprefix(": "))
        return render(request, "setup.html", {"form": form}, status=400)
    login(request, user)
    messages.success(request, "You administer this installation's first scope now.")
    return redirect("upload")


@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Take a report of a scanner by hand: for trying, and for what no pipeline sends."""
    user, at = person(request), timezone.now()
    form = ReportForm(request.POST or None, request.FILES or None, user=user)
    if request.method == "GET" or not form.is_valid():
        return render(
            request, "scans/upload.html", {"form": form}, status=400 if form.errors else 200
        )
    told = form.cleaned_data
    try:
        asset = told["asset"] or create_asset(
            scope=told["scope"], name=told["name"], by=user, at=at
        )
        line = asset.lines.get(kind=LineKind.DEFAULT)
        scan, is_new = upload_scan(
            asset=asset, line=line, data=blocks_of(told["file"]), facts={}, by=user, at=at
        )
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return render(request, "scans/upload.html", {"form": form}, status=400)
    if not is_new:
        messages.success(request, "The same report was uploaded before: this is its scan.")
    return redirect(scan)
