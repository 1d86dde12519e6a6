"""The same figures the slow and obvious way: every event of every finding, one after the other, in Python."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from core.models import Event
from findings.models import Finding, PriorityChange
from findings.statuses import OPEN
from scans.models import Clearance

DAY = timedelta(days=1)
ENDED_AS = {
    "mobilization_complete": "proven",
    "risk_accepted": "accepted",
    "false_positive": "false_positive",
    "duplicate": "duplicate",
    "no_longer_present": "no_longer_present",
}


@dataclass
class Moved:
    finding: int
    at: datetime
    name: str
    before: str
    after: str


def is_open(status):
    return status in OPEN


def moves_of(finding):
    """What happened to one finding, in order, read from every event there is."""
    told, status = [], "prioritized"
    for event in Event.objects.filter(scope_id=finding.scope_id).order_by("seq"):
        kind, _, name = event.action.partition(".")
        if kind != "finding":
            continue
        if event.subject == "finding" and event.subject_id == finding.pk and "to" in event.data:
            before, after = event.data["from"], event.data["to"]
        elif name == "expire" and finding.pk in event.data.get("findings", ()):
            before, after = "risk_accepted", "discovered"
        elif name == "vanish" and finding.pk in event.data.get("findings", ()):
            before, after = status, "no_longer_present"
        else:
            continue
        status = after
        if before != after:
            told.append(Moved(finding.pk, event.at, name, before, after))
    return told


class Reference:
    """All of some scopes, as anybody with patience would count it."""

    def __init__(self, scopes, since, until):
        self.since, self.until = since, until
        self.findings = list(Finding.objects.filter(scope__in=scopes))
        self.moves = {finding.pk: moves_of(finding) for finding in self.findings}

    def status(self, finding, at):
        """Where it stood; None: nobody had seen it."""
        if finding.first_seen_at > at:
            return None
        status = "prioritized"
        for move in self.moves[finding.pk]:
            if move.at <= at:
                status = move.after
        return status

    def band(self, finding, at):
        for change in PriorityChange.objects.filter(finding=finding).order_by("at", "pk"):
            if change.at > at:
                return change.from_band
        return finding.priority_band

    def open_at(self, at):
        return [f for f in self.findings if (s := self.status(f, at)) is not None and is_open(s)]

    def bands(self, at):
        return Counter(self.band(finding, at) for finding in self.open_at(at))

    def ages(self, at):
        """Age class (its upper end in days) → findings."""
        ends = (7, 30, 90, 180, 365)
        found = Counter()
        for finding in self.open_at(at):
            days = (at - finding.first_seen_at) / DAY
            found[next((end for end in ends if days < end), None)] += 1
        return found

    def bars(self):
        """(bar, band at the end) → moves."""
        found = Counter()
        for finding in self.findings:
            band = self.band(finding, self.until)
            if self.since < finding.first_seen_at <= self.until:
                found["new", band] += 1
            for move in self.moves[finding.pk]:
                if not self.since < move.at <= self.until or is_open(move.before) == is_open(
                    move.after
                ):
                    continue
                if is_open(move.before):
                    found[ENDED_AS[move.after], band] += 1
                else:
                    word = {"revoke": "revoked", "expire": "acceptance_ended"}.get(
                        move.name, "reopened"
                    )
                    found[word, band] += 1
        return found

    def rescored(self):
        return Counter(
            (before, after)
            for finding in self.open_at(self.since)
            if (before := self.band(finding, self.since))
            != (after := self.band(finding, self.until))
        )

    def openings(self, finding):
        """Each time that it was open: (from, moves until it ended)."""
        start, told, openings = finding.first_seen_at, [], []
        for move in self.moves[finding.pk]:
            if not is_open(move.before) and is_open(move.after):
                start, told = move.at, []
                continue
            told.append(move)
            if not is_open(move.after):
                openings.append((start, told))
                told = []
        return [*openings, (start, told)] if told or not openings else openings

    def lengths(self, end):
        """Days from each opening to its first claim, or to its proof, where that lies in the time."""
        found = []
        for finding in self.findings:
            for start, moves in self.openings(finding):
                wanted = "awaiting_verification" if end == "claimed" else "mobilization_complete"
                reached = [move.at for move in moves if move.after == wanted]
                if reached and self.since < reached[0] <= self.until:
                    found.append((reached[0] - start) / DAY)
        return sorted(found)

    def claims(self):
        """First claims in the time, and those of them that were proven by its end."""
        claims = proven = 0
        for finding in self.findings:
            for _, moves in self.openings(finding):
                first = next((m for m in moves if m.after == "awaiting_verification"), None)
                if first is None or not self.since < first.at <= self.until:
                    continue
                claims += 1
                proven += any(
                    m.after == "mobilization_complete" and m.at <= self.until for m in moves
                )
        return proven, claims

    def without_evidence(self):
        closed = [
            move
            for moves in self.moves.values()
            for move in moves
            if move.after == "mobilization_complete" and self.since < move.at <= self.until
        ]
        bare = [
            move for move in closed
            if not any(c.issued_at <= move.at for c in Clearance.objects.filter(finding=move.finding))
        ]  # fmt: skip
        return len(bare), len(closed)


def nearest_rank(values, share):
    return values[max(1, ceil(share * len(values))) - 1] if values else None
