"""Trackers for tests, connected by the product's own verb; rounds under a clock that is turned by hand."""

from core.permissions import Role
from tests import factories as make
from tests.tickets.fake_jira import MAIL, TOKEN
from tickets.services.tickets import ask_ticket
from tickets.services.tracker_relay import relay_trackers
from tickets.services.tracker_rounds import serve
from tickets.services.trackers import connect_tracker


def tracker_of(scope, base="https://jira.example", **members):
    """Return a new connection and the secret of its webhook."""
    told = {"kind": "jira", "name": "Jira", "base": base, "project": "SEC", "account": MAIL,
            "key": TOKEN, "by": make.member(scope, Role.ADMIN), "at": make.now(), **members}  # fmt: skip
    return connect_tracker(scope=scope, **told)


def ticketed(finding):
    """Connect a tracker to the finding's scope and give the finding a ticket that is there; return it."""
    tracker, _ = tracker_of(finding.scope)
    by = make.member(finding.scope, Role.DEVELOPER)
    row = ask_ticket(finding=finding, tracker=tracker, by=by, at=make.now())
    row.external_id, row.key, row.state = "10001", "SEC-1", "open"
    row.address, row.status_there = "https://jira.example/browse/SEC-1", "To Do"
    row.save()
    return row


class Followed:
    """A finding, its scope's tracker, and a ticket that was made there."""

    def __init__(self, jira, clock, at=None, **members):
        self.jira, self.clock = jira, clock
        self.finding = make.make_finding(at) if at else make.make_finding()
        self.scope = self.finding.scope
        self.tracker, self.secret = tracker_of(self.scope, jira.server.url, **members)

    def know(self, user, account):
        """The tracker knows the person as this from now on."""
        self.tracker.mapping["people"] = {user.username: account}
        self.tracker.save(update_fields=["mapping"])

    def ticket(self, key=""):
        by = make.member(self.scope, Role.DEVELOPER)
        row = ask_ticket(
            finding=self.finding, tracker=self.tracker, by=by, at=self.clock(), key=key
        )
        self.round()
        row.refresh_from_db()
        return row

    def round(self):
        """What happened is relayed and done; what that made happen as well."""
        for _ in range(2):
            relay_trackers(at=self.clock())
            serve(self.tracker.pk, clock=self.clock)
        self.finding.refresh_from_db()
        self.tracker.refresh_from_db()

    def poll(self):
        """A look, as it is made when its time has come."""
        self.clock.forward(minutes=11)
        self.round()
