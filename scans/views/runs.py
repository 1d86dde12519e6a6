"""What people have our own runner do: verify a fix now, cancel a scan."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from core.views import attempt, person
from scans.models import Scan
from scans.services.cancel import cancel_scan
from scans.services.verify import verify_now
from scans.views.remediations import visible_fix


@require_POST
def verify(request: HttpRequest, pk: int) -> HttpResponse:
    fix = visible_fix(request, pk)
    return attempt(
        request,
        lambda: verify_now(remediation=fix, by=person(request), at=timezone.now()),
        done="The scans are ordered; the fix is judged when they are done.",
        back=f"{fix.get_absolute_url()}#scans",
    )


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    scan = get_object_or_404(Scan.objects.visible_to(request.user), pk=pk)
    return attempt(
        request,
        lambda: cancel_scan(scan=scan, by=person(request), at=timezone.now()),
        done="The scan is cancelled.",
        back=scan.get_absolute_url(),
    )
