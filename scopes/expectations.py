"""Which classes of tools an asset should be looked at by. Pure."""

from collections.abc import Mapping, Sequence

from gate.facts import TOOL_CLASSES
from scopes.models import AssetKind

CLASSES: tuple[str, ...] = TOOL_CLASSES
# Where a scope says nothing of its own. One class each that nearly everybody has a tool of.
BY_KIND: Mapping[str, tuple[str, ...]] = {
    AssetKind.REPOSITORY: ("sast", "sca", "secrets"),
    AssetKind.SERVICE: ("dast",),
    AssetKind.HOST: ("dast",),
    AssetKind.IMAGE: ("container",),
    AssetKind.CLOUD_ACCOUNT: ("cloud",),
}


def expected_of(kind: str, told: Sequence[str]) -> tuple[str, ...]:
    """Classes that an asset of this kind should be looked at by; ``told``: what its scope says.

    What a scope says holds for kinds that such a class can look at: a host is no place for ``sast``.
    """
    if not told:
        return BY_KIND[kind]
    return tuple(name for name in CLASSES if name in told and name in FITS[kind])


_CODE = ("agentic", "sast", "sca", "secrets", "iac", "fuzz", "manual")
FITS: Mapping[str, tuple[str, ...]] = {
    AssetKind.REPOSITORY: (*_CODE, "container", "dast"),
    AssetKind.SERVICE: ("agentic", "dast", "fuzz", "manual"),
    AssetKind.HOST: ("container", "dast", "cloud", "manual"),
    AssetKind.IMAGE: ("container", "sca", "secrets"),
    AssetKind.CLOUD_ACCOUNT: ("cloud", "iac", "manual"),
}
