"""Rules of discovery: made, replaced, approved by a second person, applied to what is there, ended."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from core import jobs
from core.errors import BadInput, WrongState
from core.models import Job, User
from core.permissions import Permission
from findings.actions import Actions, read_actions
from findings.conditions import Conditions, read_conditions
from findings.discovery import acting, rules_in_force
from findings.models import DiscoveryRule, Finding, ScopeDecisionPolicy
from findings.services.alone import check_second
from findings.services.applying import Settled, settle
from findings.services.reading import narrowed
from findings.services.taking_back import take_back
from findings.services.telling import append_set_event
from findings.services.words import text_given
from findings.statuses import RuleEnd, SetAside
from scopes.access import check_may
from scopes.models import Asset, Membership, Scope, Team
from scopes.services.assets import lock_assets

MOST_STANDING = 500  # rules of a scope that have not ended: each is asked for every new finding
APPLY = "apply_rule"  # the kind of the job
AT_ONCE = 10_000  # findings that a rule is asked of while somebody waits; the rest is a job
PART = 5_000  # of that job, in one transaction
MOST_POSITION = 1_000_000
LONGEST_NAME = 120
LONGEST = timedelta(days=366)  # that noise is set aside without anybody looking again


def read_rule(
    scope: Scope, conditions: Mapping[str, Any], actions: Mapping[str, Any]
) -> tuple[Conditions, Actions]:
    """Return what a rule of this scope asks and does. Raises BadInput that names the place."""
    asked, does = read_conditions(conditions), read_actions(actions)
    there = set(Asset.objects.filter(scope=scope, pk__in=asked.asset).values_list("pk", flat=True))
    if missing := [str(pk) for pk in asked.asset if pk not in there]:
        raise BadInput("conditions.asset", f"Not found in this scope: {', '.join(missing)}")
    if does.to_member and not Membership.objects.filter(scope=scope, user=does.to_member).exists():
        raise BadInput("actions.assign.member", "Not found among the members of this scope")
    if does.to_team and not Team.objects.filter(scope=scope, pk=does.to_team).exists():
        raise BadInput("actions.assign.team", "Not found among the teams of this scope")
    return asked, does


@transaction.atomic
def make_rule(
    *,
    scope: Scope,
    name: str,
    conditions: Mapping[str, Any],
    actions: Mapping[str, Any],
    by: User,
    at: datetime,
    reason: str = "",
    expires_at: datetime | None = None,
    position: int = 100,
    replaces: DiscoveryRule | None = None,
    out_of: Finding | None = None,
) -> DiscoveryRule:
    """Make a rule; it acts on findings that come from now on.

    One that sets findings aside is a request: it acts once a second person approves it, needs a
    reason and, for noise, an expiry at most a year ahead. ``replaces``: the version that ends when
    this one begins. ``out_of``: the dismissed finding that it generalises. Raises BadInput, WrongState.
    """
    check_may(by, Permission.TRIAGE, scope.pk)
    Scope.objects.select_for_update(no_key=True).get(pk=scope.pk)
    asked, does = read_rule(scope, conditions, actions)
    _check_room(scope, replaces)
    row = DiscoveryRule.objects.create(
        scope=scope, name=_name(name), position=_position(position), conditions=asked.to_dict(),
        actions=does.stored(), sets_aside=does.set_aside, to_member=does.to_member,
        to_team=does.to_team, reason=_reason(reason, does), expires_at=_expiry(expires_at, does, at),
        replaces=replaces, created_at=at, created_by=by,
        alone=bool(does.set_aside) and ScopeDecisionPolicy.of(scope.pk).rules_alone,
    )  # fmt: skip
    back = None if row.waits else _take_over(row, by, at)
    told = {"taken_back": back.to_dict()} if back else {}
    append_set_event(
        scope_id=scope.pk, action="discovery_rule.requested" if row.waits else "discovery_rule.made",
        subject="discovery_rule", subject_id=row.pk, by=by, at=at,
        data={**_said(row), **told, **({"out_of": out_of.pk} if out_of else {})},
        findings=back.findings if back else (),
    )  # fmt: skip
    return row


def _check_room(scope: Scope, replaces: DiscoveryRule | None) -> None:
    standing = DiscoveryRule.objects.filter(scope=scope, ended_at__isnull=True)
    if (n := standing.count()) >= MOST_STANDING:
        raise WrongState(f"The scope has as many rules as it may have ({n}): end one first.")
    if replaces is None:
        return
    before = DiscoveryRule.objects.select_for_update(no_key=True).get(pk=replaces.pk)
    if before.scope_id != scope.pk:
        raise BadInput("replaces", "is a rule of another scope")
    if before.ended_at is not None:
        raise WrongState("That rule has ended: make a new one.")
    if DiscoveryRule.objects.filter(replaces=before, ended_at__isnull=True).exists():
        raise WrongState("That rule has a next version already.")


def _name(value: str) -> str:
    name = " ".join(text_given("name", value).split())
    if len(name) > LONGEST_NAME:
        raise BadInput("name", f"longer than allowed ({len(name)} > {LONGEST_NAME} characters)")
    return name


def _position(value: int) -> int:
    if not 0 <= value <= MOST_POSITION:
        raise BadInput("position", f"must be 0 to {MOST_POSITION}")
    return value


def _reason(value: str, does: Actions) -> str:
    if does.set_aside or value.strip():
        return text_given("reason", value)
    return ""


def _expiry(value: datetime | None, does: Actions, at: datetime) -> datetime | None:
    if value is None and does.set_aside == SetAside.NOISE:
        raise BadInput("expires_at", "what is set aside as noise needs a day on which it ends")
    if value is not None and value <= at:
        raise BadInput("expires_at", "must be in the future")
    if value is not None and does.set_aside == SetAside.NOISE and value > at + LONGEST:
        raise BadInput("expires_at", f"must be at most {LONGEST.days} days ahead")
    return value


def _said(row: DiscoveryRule) -> dict[str, Any]:
    does = acting(row).actions.to_dict()
    ends = row.expires_at.isoformat() if row.expires_at else None
    told = {
        "name": row.name, "position": row.position, "conditions": row.conditions, "actions": does,
        "reason": row.reason, "until": ends, "replaces": row.replaces_id,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in (None, "")}


def _take_over(row: DiscoveryRule, by: User, at: datetime) -> Settled | None:
    """End the version before; what it did is taken back where this one does not say the same."""
    if row.replaces_id is None:
        return None
    DiscoveryRule.objects.filter(pk=row.replaces_id, ended_at__isnull=True).update(
        ended_at=at, ended_by=by, ended_because=RuleEnd.REPLACED.value
    )
    return take_back(row.scope_id, [row.replaces_id], at=at)


def _locked(rule: DiscoveryRule) -> DiscoveryRule:
    """The rule as it is now; the scope is kept first, as whoever makes a rule does."""
    Scope.objects.select_for_update(no_key=True).get(pk=rule.scope_id)
    return DiscoveryRule.objects.select_for_update(no_key=True).get(pk=rule.pk)


@transaction.atomic
def approve_rule(*, rule: DiscoveryRule, by: User, at: datetime) -> DiscoveryRule:
    """Let a rule that sets findings aside act from now on. Never one's own, but where the scope says so."""
    check_may(by, Permission.APPROVE, rule.scope_id)
    row = _locked(rule)
    if not row.waits:
        raise WrongState("The rule does not wait for anybody.")
    if row.expires_at is not None and row.expires_at <= at:
        raise WrongState("The rule would already have expired.")
    check_second(
        by,
        row.created_by_id,
        alone=row.alone,
        still=ScopeDecisionPolicy.of(row.scope_id).rules_alone,
    )
    row.approved_at, row.approved_by = at, by
    row.save(update_fields=["approved_at", "approved_by"])
    back = _take_over(row, by, at)
    append_set_event(
        scope_id=row.scope_id, action="discovery_rule.approved", subject="discovery_rule",
        subject_id=row.pk, by=by, at=at,
        data={"name": row.name, **({"taken_back": back.to_dict()} if back else {})},
        findings=back.findings if back else (),
    )  # fmt: skip
    return row


@transaction.atomic
def apply_rule(*, rule: DiscoveryRule, by: User, at: datetime) -> Settled:
    """Do what a rule says to the open findings that are there; one event for all of them.

    Of many the first ``AT_ONCE``, by number; the rest by a job, part by part, each with an event. Rules
    before it still win, and what a person decided stays. Raises WrongState where it is not in force.
    """
    check_may(by, Permission.TRIAGE, rule.scope_id)
    row = _locked(rule)
    told = _apply(row, AT_ONCE, at=at)
    if told is None:
        raise WrongState("The rule is not in force.")
    settled, last = told
    settled.more_follows = last is not None
    if settled.more_follows:
        key = f"{APPLY}:{row.pk}:{at.isoformat()}"  # it may be applied again later
        jobs.enqueue(kind=APPLY, subject_id=row.pk, at=at, key=key)
    _tell_applied(row, settled, by, at)
    return settled


def apply_rule_job(job: Job) -> None:
    """The job of a rule that is asked of many; who goes on where it was killed changes nothing twice."""
    rule = DiscoveryRule.objects.get(pk=job.subject_id)
    last: int | None = 0
    while last is not None:
        with transaction.atomic():
            if not jobs.held(job).exists():
                return
            at = timezone.now()
            told = _apply(rule, PART, after=last, at=at)
            if told is None:  # it ended meanwhile, and what it did is taken back
                break
            settled, last = told
            if settled.findings:
                _tell_applied(rule, settled, None, at)
    jobs.finish(job, timezone.now())


def _apply(
    rule: DiscoveryRule, most: int, *, at: datetime, after: int = 0
) -> tuple[Settled, int | None] | None:
    """Ask a rule of ``most`` findings behind ``after``; also return the last one, None: all are done.

    None instead of both where the rule is not in force.
    """
    tags = lock_assets(rule.scope_id)  # first: who ends it waits, and takes this back as well
    rules = rules_in_force(rule.scope_id, at)
    mine = [one for one in rules if one.pk == rule.pk]
    if not mine:
        return None
    rows = narrowed(Finding.objects.filter(scope=rule.scope_id).open(), mine[0].conditions)
    rows = rows.filter(pk__gt=after)
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[: most + 1])
    last = ids[most - 1] if len(ids) > most else None
    if last is not None:
        rows = rows.filter(pk__lte=last)
    return settle(rows, rules, tags, at=at, only=[rule.pk]), last


def _tell_applied(row: DiscoveryRule, settled: Settled, by: User | None, at: datetime) -> None:
    append_set_event(
        scope_id=row.scope_id, action="discovery_rule.applied", subject="discovery_rule",
        subject_id=row.pk, by=by, at=at, data={"name": row.name, **settled.to_dict()},
        findings=settled.findings,
    )  # fmt: skip


@transaction.atomic
def end_rule(*, rule: DiscoveryRule, by: User, at: datetime) -> DiscoveryRule:
    """End a rule, or take back or refuse a request for one.

    What it set aside comes back into the queues, severities that it set are the tool's again, by a job
    where there are many; owners and tags stay. Raises WrongState if it has ended.
    """
    check_may(by, Permission.TRIAGE, rule.scope_id)
    row = _locked(rule)
    if row.ended_at is not None:
        raise WrongState("The rule has ended already.")
    row.ended_at, row.ended_by, row.ended_because = at, by, RuleEnd.ENDED.value
    row.save(update_fields=["ended_at", "ended_by", "ended_because"])
    back = take_back(row.scope_id, [row.pk], at=at)
    append_set_event(
        scope_id=row.scope_id, action="discovery_rule.ended", subject="discovery_rule",
        subject_id=row.pk, by=by, at=at, data={"name": row.name, **back.to_dict()},
        findings=back.findings,
    )  # fmt: skip
    return row


def end_expired_rules(*, at: datetime) -> int:
    """End the rules whose day has come; return how many. One event for each scope. For the beat."""
    over = DiscoveryRule.objects.filter(ended_at__isnull=True, expires_at__lte=at)
    scopes = over.order_by("scope_id").values_list("scope_id", flat=True).distinct()
    return sum(_end_expired(scope, at) for scope in list(scopes))


@transaction.atomic
def _end_expired(scope_id: int, at: datetime) -> int:
    Scope.objects.select_for_update(no_key=True).get(pk=scope_id)
    over = DiscoveryRule.objects.filter(
        scope=scope_id, ended_at__isnull=True, expires_at__lte=at
    ).order_by("pk")
    ids = list(over.values_list("pk", flat=True))
    if not ids:  # somebody ended them meanwhile
        return 0
    DiscoveryRule.objects.filter(pk__in=ids).update(
        ended_at=at, ended_because=RuleEnd.EXPIRED.value
    )
    back = take_back(scope_id, ids, at=at)
    digest = hashlib.sha256(json.dumps(ids).encode()).hexdigest()
    append_set_event(
        scope_id=scope_id, action="discovery_rule.expired", subject="scope", subject_id=scope_id,
        by=None, at=at,
        data={"rules": ids[:MOST_STANDING], "rules_sha256": digest, **back.to_dict()},
        findings=back.findings,
    )  # fmt: skip
    return len(ids)
