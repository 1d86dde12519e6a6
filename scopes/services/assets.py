"""Things that can have findings."""

from datetime import datetime

from django.db import IntegrityError, transaction

from core.errors import WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from scopes.access import check_may
from scopes.models import (
    Asset,
    AssetKind,
    Line,
    LineKind,
    Scope,
)


@transaction.atomic
def create_asset(
    *,
    scope: Scope,
    name: str,
    by: User | None,
    at: datetime,
    kind: str = AssetKind.REPOSITORY.value,
    repository: str = "",
    default_line: str = "main",
) -> Asset:
    """Create an asset with its default line. Raises WrongState when the name is taken."""
    check_may(by, Permission.ADMINISTER, scope.pk)
    try:
        with transaction.atomic():
            asset = Asset.objects.create(
                scope=scope, name=name, kind=kind, repository=repository, created_at=at
            )
    except IntegrityError as error:
        raise WrongState(f"The scope already has an asset called {name}.") from error
    Line.objects.create(asset=asset, scope=scope, name=default_line, kind=LineKind.DEFAULT)
    append_event(
        scope_id=scope.pk, action="asset.created", subject="asset", subject_id=asset.pk,
        by=by, at=at, data={"name": name, "line": default_line},
    )  # fmt: skip
    return asset
