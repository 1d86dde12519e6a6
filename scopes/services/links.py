"""How assets hang together, and by which names uploads find them."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from scopes.access import check_may
from scopes.models import Asset, AssetAlias, AssetLink, AssetQuerySet, Scope
from scopes.statuses import LinkKind


@transaction.atomic
def link_assets(
    *, asset: Asset, kind: str, target: Asset, by: User | None, at: datetime
) -> tuple[AssetLink, bool]:
    """Say that ``asset`` is built from, runs on … ``target``; return the link and whether it is new."""
    check_may(by, Permission.ADMINISTER, asset.scope_id)
    if target.scope_id != asset.scope_id:
        raise BadInput("target", "is of another scope")
    if target.pk == asset.pk:
        raise BadInput("target", "an asset is not linked with itself")
    if kind not in [member.value for member in LinkKind]:
        raise BadInput("kind", f"is none of: {', '.join(LinkKind)}")
    link, is_new = AssetLink.objects.get_or_create(
        asset=asset, kind=kind, target=target,
        defaults={"scope_id": asset.scope_id, "created_at": at, "created_by": by},
    )  # fmt: skip
    if is_new:
        _tell("asset.linked", link, by, at)
    return link, is_new


@transaction.atomic
def unlink_assets(*, link: AssetLink, by: User | None, at: datetime) -> None:
    """Take a link away."""
    check_may(by, Permission.ADMINISTER, link.scope_id)
    gone, _ = AssetLink.objects.filter(pk=link.pk).delete()
    if gone:
        _tell("asset.unlinked", link, by, at)


def _tell(action: str, link: AssetLink, by: User | None, at: datetime) -> None:
    append_event(
        scope_id=link.scope_id, action=action, subject="asset", subject_id=link.asset_id,
        by=by, at=at, data={"kind": link.kind, "target": link.target_id, "name": link.target.name},
    )  # fmt: skip


def find_asset(scope: Scope, *, name: str = "", repository: str = "") -> Asset | None:
    """The asset that an upload means: by its name, the address of its repository, or an alias of either.

    Of both the name alone counts: a repository may hold several assets, and what is not known by its
    name is none of them. None: there is no such asset. Raises BadInput where more than one asset has
    the address.
    """
    if name:
        return _named(scope, name)
    if not repository:
        return None
    rows = list(_at(scope, repository)[:2])
    if len(rows) > 1:
        raise BadInput("repository", "more than one asset has it: give asset_name or asset")
    return rows[0] if rows else _aliased(scope, repository)


def _named(scope: Scope, name: str) -> Asset | None:
    return Asset.objects.filter(scope=scope, name=name).first() or _aliased(scope, name)


def _aliased(scope: Scope, name: str) -> Asset | None:
    alias = AssetAlias.objects.filter(scope=scope, name=name).select_related("asset").first()
    return alias.asset if alias else None


def _at(scope: Scope, repository: str) -> AssetQuerySet:
    """Assets with this address, however its end is written."""
    plain = repository.rstrip("/").removesuffix(".git")
    spelt = [plain, f"{plain}.git", f"{plain}/"]
    return (
        Asset.objects.filter(scope=scope)
        .filter(Q(repository__in=spelt) | Q(address__in=spelt))
        .order_by("pk")
    )


@transaction.atomic
def remember_alias(*, asset: Asset, name: str, by: User | None, at: datetime) -> bool:
    """Let uploads call an asset by ``name`` too; return whether that is new.

    Raises WrongState where the name is another asset's.
    """
    check_may(by, Permission.UPLOAD_SCAN, asset.scope_id)
    other = _named(asset.scope, name)
    if other is not None:
        if other.pk != asset.pk:
            raise WrongState(f"{name} is the name of another asset of the scope.")
        return False
    AssetAlias.objects.create(
        scope_id=asset.scope_id, asset=asset, name=name, created_at=at, created_by=by
    )
    append_event(
        scope_id=asset.scope_id, action="asset.alias_added", subject="asset", subject_id=asset.pk,
        by=by, at=at, data={"name": name},
    )  # fmt: skip
    return True
