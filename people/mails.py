"""The mail with the link of an invitation: a job sends it, outside of any transaction."""

import logging
from datetime import datetime
from smtplib import SMTPException, SMTPRecipientsRefused
from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from core import jobs
from core.errors import Unavailable
from core.models import Job, JobState
from core.sealing import unseal
from scopes.models import Invitation

log = logging.getLogger(__name__)


def link_of(key: str) -> str:
    """The address that an invitation's key opens."""
    return settings.PUBLIC_URL + reverse("join") + "?" + urlencode({"key": key})


def send_invitation(job: Job) -> None:
    """Send the mail of the invitation that the job names, if it still stands. Raises Unavailable."""
    now = timezone.now()
    row = Invitation.objects.open(now).filter(pk=job.subject_id, mailed_at=None)
    invitation = row.select_related("scope", "created_by").first()
    if invitation is None or not invitation.sealed_key:
        jobs.finish(job, now)
        return
    key = unseal(invitation.sealed_key, context=invitation.context)
    told = {"invitation": invitation, "link": link_of(key)}
    mail = EmailMessage(
        f"CTEM: you are invited to {' '.join(invitation.scope.name.split())}",
        render_to_string("people/invitation.txt", told),
        to=[invitation.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    try:
        mail.send()
    except SMTPRecipientsRefused:
        jobs.finish(job, timezone.now(), state=JobState.FAILED, error="the address was refused")
        return
    except (SMTPException, OSError) as error:
        raise Unavailable(f"The mail server does not take it: {type(error).__name__}") from error
    _done(job, invitation, timezone.now())


@transaction.atomic
def _done(job: Job, invitation: Invitation, at: datetime) -> None:
    if jobs.finish(job, at):
        Invitation.objects.filter(pk=invitation.pk).update(mailed_at=at, sealed_key="")
