"""What Django's ``check --deploy`` asks of the runner. No rows and no scanner here."""

from typing import Any

from django.conf import settings
from django.core import checks

from scans.runners import isolation


def scanners_are_isolated(app_configs: Any, **_: Any) -> list[checks.CheckMessage]:
    """Warn where our runner is used and scanners are not isolated."""
    if not settings.RUNNER_REPOSITORIES or isolation.available():
        return []
    hint = "Install bubblewrap, and let the worker make user namespaces; see docs/operations.md."
    return [checks.Warning(f"{isolation.MISSING}.", hint=hint, id="scans.W001")]
