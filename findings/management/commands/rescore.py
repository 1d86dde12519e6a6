"""Work all priorities out again: after a release with other weights, or one that knows more."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from findings.models import Cause
from findings.services.rescoring import order_rescoring
from scopes.models import Scope


class Command(BaseCommand):
    help = (
        "Work the priorities of all scopes out again, by the weights in force. Scopes with few findings "
        "are done at once, others by the worker; what did not change is not written."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for scope in Scope.objects.order_by("pk"):
            run = order_rescoring(scope_id=scope.pk, cause=Cause.POLICY, by=None, at=timezone.now())
            done = f"{run.changed} of {run.looked_at} priorities changed"
            waits = "the worker does it"
            self.stdout.write(f"{scope.slug}: {done if run.finished_at else waits}")
