"""Pipelines that come with tokens of their code host."""

import secrets
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User, UserKind
from core.permissions import Permission, Role
from scopes.access import check_may
from scopes.models import (
    Asset,
    Membership,
    PipelineIdentity,
)


@transaction.atomic
def add_pipeline_identity(
    *,
    asset: Asset,
    issuer: str,
    repository: str,
    by: User | None,
    at: datetime,
    repository_id: str = "",
    workflow: str = "",
    ref: str = "",
) -> PipelineIdentity:
    """Let a pipeline upload for one asset with tokens of its code host; makes its service account.

    All that is given must be in the token. ``workflow``: the file, as the host names it; with
    ``@ref`` only that revision of it. Raises BadInput for an issuer that the operator does not allow,
    WrongState if the pipeline is known already.
    """
    check_may(by, Permission.ADMINISTER, asset.scope_id)
    if issuer not in settings.OIDC_ISSUERS:
        allowed = ", ".join(settings.OIDC_ISSUERS) or "none"
        raise BadInput("issuer", f"is not one that this server takes tokens of: {allowed}")
    account = User.objects.create_user(
        f"pipeline-{asset.pk}-{secrets.token_hex(4)}",
        first_name=f"Pipeline of {repository}"[:150], kind=UserKind.SERVICE,
    )  # fmt: skip
    Membership.objects.create(scope_id=asset.scope_id, user=account, role=Role.PIPELINE)
    asked = {
        "issuer": issuer, "repository": repository, "repository_id": repository_id,
        "workflow": workflow, "ref": ref,
    }  # fmt: skip
    try:
        with transaction.atomic():
            identity = PipelineIdentity.objects.create(
                scope_id=asset.scope_id, asset=asset, user=account, created_at=at, created_by=by,
                **asked,
            )  # fmt: skip
    except IntegrityError as error:
        raise WrongState("This pipeline is known for the asset already.") from error
    append_event(
        scope_id=asset.scope_id, action="pipeline.added", subject="pipeline",
        subject_id=identity.pk, by=by, at=at,
        data={"asset": asset.pk, "account": account.username, **asked},
    )  # fmt: skip
    return identity


@transaction.atomic
def end_pipeline_identity(
    *, identity: PipelineIdentity, by: User, at: datetime
) -> PipelineIdentity:
    """Take no token of the pipeline any more, for good; its account is closed with it."""
    check_may(by, Permission.ADMINISTER, identity.scope_id)
    identity = PipelineIdentity.objects.select_for_update(of=("self",)).get(pk=identity.pk)
    if identity.ended_at is None:
        identity.ended_at, identity.ended_by = at, by
        identity.save(update_fields=["ended_at", "ended_by"])
        User.objects.filter(pk=identity.user_id).update(is_active=False)
        append_event(
            scope_id=identity.scope_id, action="pipeline.ended", subject="pipeline",
            subject_id=identity.pk, by=by, at=at, data={"repository": identity.repository},
        )  # fmt: skip
    return identity
