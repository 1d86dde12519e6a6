"""Saying which pull request is the fix of a finding, by its number. What is true of it is looked up later."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings.models import Finding
from findings.statuses import OPEN, Status
from forges.models import Connection, PullFinding, PullRequest, Repository
from forges.services.looks import ring_for_pull
from scans.services.attested import check_not_a_run
from scopes.access import check_may
from scopes.models import Asset

MOST_NUMBER = 2**31 - 1  # of a pull request: what the column takes


@transaction.atomic
def link_pull(
    *, repository: Repository, number: int, findings: Sequence[Finding], by: User, at: datetime
) -> PullRequest:
    """Order a look at one pull request, as a fix of these findings; return its row.

    The host is asked by the job, not here: whether there is such a pull request shows on the row.
    Raises NotAllowed, also for a run of a pipeline: what is linked stays so. BadInput for findings of
    other assets, WrongState for ended ones.
    """
    check_may(by, Permission.PROPOSE_FIX, repository.scope_id)
    check_not_a_run(by, "A link")
    if not 0 < number <= MOST_NUMBER:
        raise BadInput("number", f"must be from 1 to {MOST_NUMBER}")
    if repository.connection.has_ended:
        raise WrongState("The connection to this repository has ended.")
    for finding in findings:
        if finding.asset_id != repository.asset_id:
            raise BadInput("findings", f"{finding} is not of this repository's asset")
        if finding.status not in OPEN:
            raise WrongState(
                f"{finding} is {Status(finding.status).label}; only open findings are fixed."
            )
    pull = ring_for_pull(repository.pk, repository.scope_id, number, at)
    PullFinding.objects.bulk_create(
        [
            PullFinding(pull=pull, finding=finding, scope_id=pull.scope_id, at=at, by=by)
            for finding in findings
        ],
        ignore_conflicts=True,
    )
    append_event(
        scope_id=pull.scope_id, action="pull.linked", subject="pull", subject_id=pull.pk, by=by,
        at=at, data={"repository": repository.full_name, "number": number,
                     "findings": sorted(f.pk for f in findings)},
    )  # fmt: skip
    return PullRequest.objects.select_related("repository").get(pk=pull.pk)


def repository_of(asset: Asset) -> Repository:
    """Return the one repository that stands for an asset now. Raises WrongState with the reason."""
    rows = Repository.objects.filter(
        asset=asset, connection__in=Connection.objects.live()
    ).select_related("connection", "asset")
    found = list(rows.order_by("-pk")[:2])
    if not found:
        raise WrongState("No connection to a code host sees a repository of this asset.")
    if len(found) > 1:
        raise WrongState("Several repositories stand for this asset: link it by the API.")
    return found[0]
