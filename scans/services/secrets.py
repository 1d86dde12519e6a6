"""Whether a leaked secret was revoked: the word that lets a finding of a secret close. A verb.

What the gate would not believe is refused here, as far as it can be known; see gate/checks/revocations.py.
"""

from datetime import datetime

from django.db import transaction

from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User
from core.moments import rfc3339
from findings.models import Finding
from findings.statuses import OPEN, Status
from remediations.models import SecretRevocation
from remediations.services import locked_fixes_of
from remediations.statuses import SecretState
from scans.services.parties import reason_given
from scans.services.telling import (
    check_apart,
    check_may_tell,
    is_secret,
    judge_all,
    moment_given,
    word,
)


@transaction.atomic
def record_revocation(
    *,
    finding: Finding,
    method: str,
    by: User,
    at: datetime,
    state: str = SecretState.REVOKED,
    evidence: str = "",
    as_of: datetime | None = None,
    committed_at: datetime | None = None,
) -> SecretRevocation:
    """Record whether a finding's secret still opens anything, and judge its fixes with that.

    ``method``: how it was revoked, or tried. A person's word is declared, a service account's fetched,
    which needs ``evidence``. A later word stands instead of an earlier one. Raises NotAllowed for who
    made a fix of it; BadInput; WrongState for what is closed or no secret.
    """
    source = check_may_tell(by, finding.scope_id, "A word on a revocation")
    if state not in list(SecretState):
        raise BadInput("state", f"{state[:40]!r} is none of: {', '.join(SecretState)}")
    method = reason_given(method, "method")
    said = word(source, evidence, as_of, at)
    came = moment_given(committed_at, at, "committed_at") if committed_at else None
    if came and said.as_of < came:
        raise BadInput("as_of", f"is before the secret came in ({rfc3339(came)})")
    fixes = locked_fixes_of(finding)
    _check_open_secret(Finding.objects.get(pk=finding.pk))
    for fix in fixes:
        check_apart(fix, by, "says that the secret is revoked")
    row = SecretRevocation.objects.create(
        scope_id=finding.scope_id, finding=finding, state=state, method=method, committed_at=came,
        source=said.source, evidence=said.evidence, as_of=said.as_of, at=at, by=by,
    )  # fmt: skip
    append_event(
        scope_id=row.scope_id, action="finding.revocation_recorded", subject="finding",
        subject_id=finding.pk, by=by, at=at,
        data={"revocation": row.pk, "state": row.state, "method": method, "source": row.source,
              "evidence": row.evidence, "as_of": rfc3339(row.as_of)},
    )  # fmt: skip
    judge_all(fixes, at=at)
    return row


def _check_open_secret(finding: Finding) -> None:
    if finding.status not in OPEN:
        raise WrongState(f"{finding} is {Status(finding.status).label}; nothing waits for it.")
    if not is_secret(finding):
        raise WrongState(f"{finding} is no secret: there is nothing to revoke.")
