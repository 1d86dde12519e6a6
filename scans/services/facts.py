"""Members of a facts.json from rows: the fix itself, and what people said of it. No scans here."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db.models.functions import Lower

from core.models import User, UserKind
from core.moments import rfc3339
from findings.models import Finding
from gate.disputes import is_fixer
from gate.evidence import FixFacts
from gate.facts import read
from gate.packages import package_identity
from gate.people import person
from remediations.models import Release, Remediation, Review, SecretRevocation, StandingApproval
from remediations.services import as_person, has_written
from remediations.statuses import Decision, DisputeState, Origin, Outcome, SecretState
from scans.ingest.records import result_from_json
from scans.models import Disposition, Scan, ScanDescent
from scans.statuses import Relation

# members whose rows may name the finding they are about
OF_FINDINGS = ("waivers", "dispositions", "revocations", "proofs")
REVIEWER_KIND = {UserKind.HUMAN: "human", UserKind.SERVICE: "bot", UserKind.AI: "ai"}


def filled(**members: Any) -> dict[str, Any]:
    """Only what is known: a missing fact is UNKNOWN to the gate, never an empty string."""
    return {name: value for name, value in members.items() if value not in ("", None, [], {})}


def scan_facts(scan: Scan, fix: Remediation, descents: Mapping[int, ScanDescent]) -> dict[str, Any]:
    """What is known beside a scan's report; with what shows that it contains the fix's merge, or that
    the fix's base contains it.

    ``descents``: by scan. Where there are any, a scan of the base has its blobs to compare with.
    """
    own = descents.get(scan.pk)
    if own is not None and own.relation == Relation.PRECEDES:
        return {
            **scan.facts,
            "contained_in": [fix.base_commit],
            "blobs": {**own.blobs, **scan.facts.get("blobs", {})},
            **filled(diff_to_base=own.diff_to_base),
        }
    if own is not None:
        return {
            **scan.facts,
            "descends_from": sorted({*scan.facts.get("descends_from", []), own.merge_commit}),
            "blobs": {**own.blobs, **scan.facts.get("blobs", {})},
        }
    if descents and scan.commit == fix.base_commit and "blobs" not in scan.facts:
        return {**scan.facts, "blobs": next(iter(descents.values())).base_blobs}
    return scan.facts


def fix_facts(fix: Remediation, descents: Sequence[ScanDescent] = ()) -> dict[str, Any]:
    """The members of ``fix``; with the blobs at base and merge where scans of other commits need them."""
    attempts = Remediation.objects.filter(findings__in=fix.findings.all(), pk__lte=fix.pk)
    return filled(
        **_of_row(fix),
        attempts=attempts.distinct().count() or 1, addresses=_files(fix),
        base_blobs={
            path: blob for d in descents if d.relation == Relation.PRECEDES
            for path, blob in d.base_blobs.items()
        },
        merge_blobs={path: blob for d in descents for path, blob in d.merge_blobs.items()},
    )  # fmt: skip


def _of_row(fix: Remediation) -> dict[str, Any]:
    """What the fix itself says: revisions, merge, and who made it."""
    return filled(
        base_commit=fix.base_commit, base_tree=fix.base_tree,
        head_commit=fix.head_commit, head_tree=fix.head_tree,
        merge_commit=fix.merge_commit, merge_tree=fix.merge_tree,
        merged_at=rfc3339(fix.merged_at), landed_from=fix.landed_from, landed_as=fix.landed_as,
        pushed_at=rfc3339(fix.pushed_at),
        author=fix.author, origin=fix.origin, agent=fix.agent, model=fix.model,
        agent_run=fix.agent_run, branch=fix.branch, unparsed=fix.unparsed,
        commits=[filled(**commit) for commit in fix.commits], former_hands=fix.former_hands,
    )  # fmt: skip


def _files(fix: Remediation) -> list[str]:
    """The files of all findings that a fix is for: each may have made another part of it needed."""
    return sorted(set(fix.findings.values_list("path", flat=True)) - {""})


def reviews(fix: Remediation) -> list[dict[str, Any]]:
    """What people decided, here and on the code host; of a host's review its last state.

    Who reviewed here and there is one person, as far as name, mail or login tell.
    """
    rows = fix.reviews.select_related("reviewer").order_by("pk")
    last = {row.host_review or row.pk: row for row in rows}
    here = [row.reviewer for row in last.values() if row.reviewer]
    return [
        filled(
            reviewer=r.reviewer.username if r.reviewer else _known_as(r, here),
            kind=REVIEWER_KIND[UserKind(r.reviewer.kind)] if r.reviewer else r.login_kind,
            commit=r.commit, tree=r.tree, decision=r.decision, at=rfc3339(r.at), answers=r.answers,
            patch_id=r.patch_id, aliases=[name for name in (r.login, r.login_mention) if name],
        )
        for r in last.values()
        if r.decision != Decision.DISMISSED
    ]  # fmt: skip


def _known_as(review: Review, here: Iterable[User]) -> str:
    """The login of a host's reviewer, or the name of the account here that is the same person."""
    mentions = [person(text) for text in (review.login, review.login_mention) if text]
    for user in here:
        if any(as_person(user).is_same(mention) for mention in mentions):
            return user.username
    return review.login


def dispositions(fix: Remediation) -> list[dict[str, Any]]:
    """What people decided about new results of this very revision."""
    rows = Disposition.objects.filter(
        verification__remediation=fix, verification__head_commit=fix.head_commit
    )
    told = [
        filled(
            kind=row.decision, rule=row.rule, path=row.path, line=row.line,
            by=row.by.username, reason=row.reason, at=rfc3339(row.at),
        )
        for row in rows.select_related("by").order_by("pk")
    ]  # fmt: skip
    return [disposition for n, disposition in enumerate(told) if disposition not in told[:n]]


def waivers(fix: Remediation, refs: Mapping[int, str]) -> list[dict[str, Any]]:
    """The waivers of this very revision that nobody revoked, for all or for findings in ``refs``.

    Those that have ended by now are told as well: the gate says that they do not hold any more.
    """
    rows = fix.waivers.filter(commit=fix.head_commit, revoked_at__isnull=True)
    return [
        filled(
            check=row.check_id, by=row.by.username, reason=row.reason, until=row.until.isoformat(),
            finding=refs[row.finding_id] if row.finding_id else None,
        )
        for row in rows.select_related("by").order_by("pk")
        if row.finding_id is None or row.finding_id in refs
    ]  # fmt: skip


def disputes(
    fix: Remediation, refs: Mapping[int, str], names: Collection[str]
) -> list[dict[str, Any]]:
    """What two people rejected about results in the reports of these names."""
    rows = fix.disputes.filter(state=DisputeState.CONFIRMED).select_related("by", "second")
    return [
        filled(
            kind="dispute", about=row.about, result=row.result, cause=row.cause, reason=row.reason,
            finding=refs[row.finding_id] if row.finding_id else None,
            by=row.by.username, second=row.second.username if row.second else "",
            at=rfc3339(row.second_at),
        )
        for row in rows.order_by("pk")
        if row.result.partition("#")[0] in names
        and (row.finding_id is None or row.finding_id in refs)
    ]  # fmt: skip


def gate_facts(fix: Remediation) -> FixFacts:
    """The facts of a fix as the gate reads them, without what its findings and scans add."""
    return read({"fix": _of_row(fix)}).fix


def is_by_the_fixer(fix: Remediation, user: User, told: FixFacts) -> bool:
    """Whether an account made the fix, as the gate or we can tell, or is a person who proposed it.

    A pipeline that proposed somebody's fix did not make it. ``told``: the facts of the fix.
    """
    proposed = user.kind != UserKind.SERVICE and fix.created_by_id == user.pk
    return proposed or has_written(fix, user) or is_fixer(user.username, told)


def revocations(fix: Remediation, refs: Mapping[int, str]) -> list[dict[str, Any]]:
    """What was said of the secrets in ``refs``. Of two words of one moment the worse comes first.

    Without what was said by who made the fix: it may be younger than the word.
    """
    rows = SecretRevocation.objects.filter(finding__in=refs).select_related("by").order_by("pk")
    told = gate_facts(fix) if rows else FixFacts()
    return [
        filled(
            finding=refs[row.finding_id], by=row.by.username, at=rfc3339(row.as_of),
            method=row.method, evidence=row.evidence, state=row.state,
            committed_at=rfc3339(row.committed_at), source=row.source,
        )
        for row in sorted(rows, key=lambda row: row.state != SecretState.ACTIVE)
        if not is_by_the_fixer(fix, row.by, told)
    ]  # fmt: skip


def proofs(fix: Remediation, refs: Mapping[int, str]) -> list[dict[str, Any]]:
    """Proofs of concept of findings in ``refs``, run on this very revision or on what merged.

    Of one account the last word on a finding and a revision.
    """
    rows = fix.proofs.filter(commit__in=filter(None, (fix.head_commit, fix.merge_commit)))
    rows = rows.filter(finding__in=refs).select_related("by").order_by("pk")
    last = {(row.finding_id, row.commit, row.by_id): row for row in rows}
    told = gate_facts(fix) if last else FixFacts()
    return [
        filled(
            finding=refs[row.finding_id], by=row.by.username, at=rfc3339(row.as_of),
            before=filled(commit=row.base_commit, tree=row.base_tree, outcome=Outcome.WORKS.value),
            after=filled(commit=row.commit, tree=row.tree, outcome=row.outcome),
            agent_run=row.agent_run, model=row.model, evidence=row.evidence, source=row.source,
        )
        for row in last.values()
        if not is_by_the_fixer(fix, row.by, told)
    ]  # fmt: skip


def releases(fix: Remediation, findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """The last look-up of each version of the packages that the findings are about, in the fix's scope."""
    found = (package_identity(result_from_json(finding.original)) for finding in findings)
    purls = {identity.purl.casefold() for identity in found if identity and identity.purl}
    rows = Release.objects.filter(scope=fix.scope_id).annotate(folded=Lower("package"))
    rows = rows.filter(folded__in=purls).order_by("as_of", "pk") if purls else rows.none()
    last = {(row.folded, row.version): row for row in rows}
    return [
        {**filled(package=row.package, version=row.version, at=rfc3339(row.as_of),
                  source=row.source), "exists": row.exists, "yanked": row.yanked}
        for row in last.values()
    ]  # fmt: skip


def standing_approvals(fix: Remediation) -> list[dict[str, Any]]:
    """The standing approvals of the fix's scope that nobody ended, for what automation made.

    Those that are over by now are told as well: the gate says since when.
    """
    if fix.origin != Origin.AUTOMATION:
        return []
    rows = StandingApproval.objects.filter(scope=fix.scope_id, ended_at__isnull=True)
    return [
        {
            "owner": row.by.username,
            "covers": filled(bots=row.bots, ecosystems=row.ecosystems, manifests=row.manifests),
            "reason": row.reason,
            "from": f"{row.since.isoformat()}T00:00:00Z",
            "until": row.until.isoformat(),
            "at": rfc3339(row.at),
        }
        for row in rows.select_related("by").order_by("-until", "pk")
    ]


def about(reference: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts without what was said of other findings than this one: waivers, disputes and the like.

    Those are judged in verifications of their own, and the gate refuses words on no finding here.
    """
    own = {
        name: [row for row in facts[name] if row.get("finding") in (None, reference)]
        for name in OF_FINDINGS
        if name in facts
    }
    emptied = {name for name, rows in own.items() if not rows} - {"dispositions"}
    return {name: rows for name, rows in {**facts, **own}.items() if name not in emptied}
