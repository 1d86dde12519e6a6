"""What the identity of a run adds to the facts of its scan: who uploads, for what, from which commit."""

from collections.abc import Mapping
from typing import Any

from core.errors import BadInput, NotAllowed
from core.models import User, UserKind
from core.permissions import Permission
from scans.statuses import FactSource
from scopes.access import check_may
from scopes.models import Asset
from scopes.workloads import Workload, is_of_another, workload_of


def check_may_upload(by: User, asset: Asset) -> None:
    """Raise NotAllowed unless ``by`` may upload here; who came as a pipeline only for its own asset."""
    check_may(by, Permission.UPLOAD_SCAN, asset.scope_id)
    if is_of_another(by, asset.pk):
        raise NotAllowed("This pipeline uploads for another asset.")


def check_not_a_run(by: User, what: str) -> None:
    """Raise NotAllowed for who came as a run; ``what`` begins the sentence.

    A branch brings its own pipeline, so a fixer may have written it: a key is given by somebody, an
    identity token is had by whatever runs.
    """
    if workload_of(by) is not None:
        raise NotAllowed(
            f"{what} is not for a run of a pipeline; a service account with a key tells it."
        )


def uploader_facts(by: User) -> dict[str, Any]:
    """Return the facts that the server knows of who uploads: their name, kind, and what that is worth."""
    workload = workload_of(by)
    if workload is not None:
        return {
            "source": FactSource.ATTESTED.value,
            "uploader": workload.name,
            "uploader_kind": "service",
            "attested_by": workload.told(),
        }
    return {
        "source": FactSource.DECLARED.value,
        "uploader": by.username,
        "uploader_kind": "service" if by.kind == UserKind.SERVICE else "human",
    }


def told_facts(facts: Mapping[str, Any], by: User) -> dict[str, Any]:
    """Return what ``by`` tells of a scan. Raises BadInput for a commit that the run is not of.

    A run's commit is filled in where none is told; one that is told to be empty stays so: the wrapper
    says by it that the working copy was not a commit. The wrapper's own word on the source of its
    facts falls away, the run's identity stands for it.
    """
    workload = workload_of(by)
    if workload is None:
        return dict(facts)
    told = {name: value for name, value in facts.items() if name != "source"}
    if workload.claims.sha:
        told["commit"] = _commit(told.get("commit"), workload)
    return told


def _commit(commit: Any, workload: Workload) -> Any:
    if commit is None:
        return workload.claims.sha
    if isinstance(commit, str) and commit and commit.lower() != workload.claims.sha:
        raise BadInput(
            "facts.commit",
            f"is not {workload.claims.sha}, of which this run is. On a pull request GitHub runs on a "
            "merge of its own: upload from a run on push",
        )
    return commit
