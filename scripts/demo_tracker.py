"""The chapters of the demo with a tracker: a Jira on this machine, by real HTTP, and what people do in it."""

import time
import urllib.request
from typing import Any

from demo_client import Client, Unexpected
from demo_narrator import Narrator

from tests.tickets.fake_jira import MAIL, TOKEN, Jira

PATIENCE = 90  # seconds; trackers are followed every five


class Tracker:
    """Tickets follow findings and close none; ``demo_story.Story`` tells the rest."""

    say: Narrator
    people: dict[str, Client]
    scope: int
    finding: int
    other: int
    jira: Jira
    hook: tuple[str, str]  # address and secret of the webhook

    def connect_the_tracker(self) -> None:
        """A Jira is connected, and two findings get a ticket"""
        told = self.people["admin"].post("/trackers/", {
            "scope": self.scope, "kind": "jira", "name": "Jira", "base": self.jira.server.url,
            "project": "SEC", "account": MAIL, "key": TOKEN,
        })  # fmt: skip
        self.hook = told["webhook_address"], told["webhook_secret"]
        tracker = told["tracker"]["id"]
        tried = self.people["analyst"].post(
            f"/trackers/{tracker}/preview/", {"finding": self.finding}
        )
        self.say.expect(
            tried["ticket"]["project"] == {"key": "SEC"},
            f"what would be sent: “{tried['ticket']['summary']}”, priority "
            f"{tried['ticket']['priority']['name']}",
        )
        for finding in (self.finding, self.other):
            self.people["analyst"].post("/tickets/", {"finding": finding, "connection": tracker})
        self.say.expect(
            True, "analyst asks for a ticket of both; they are made while the story goes on"
        )

    def close_a_ticket_too_early(self) -> None:
        """In Jira somebody closes the ticket of the finding that nobody has fixed"""
        issue = self._issue(self.other)
        self.jira.move(issue, "Done")
        self._ring(issue)
        self.say.expect(True, f"{issue['key']} is Done there; Jira's webhook rings")

    def look_at_the_tickets(self) -> None:
        """What became of the two tickets"""
        early, proven = self._issue(self.other), self._issue(self.finding)
        self._wait(
            lambda: early["status"] != "Done" and self._said(early, "A closed ticket is a claim")
        )
        said = self._said(early, "A closed ticket is a claim")
        status = self.people["analyst"].get(f"/findings/{self.other}/")["status"]
        self.say.expect(
            early["status"] == "In Progress" and "Missing:" in said,
            f"{early['key']} was reopened with what is missing; its finding is {status}",
        )
        self.say.quote(" ".join(said.split())[:220])
        self._wait(lambda: proven["status"] == "Done")
        link = f"/findings/{self.finding}/certificate/"
        self.say.expect(
            proven["status"] == "Done" and bool(self._said(proven, link)),
            f"{proven['key']}, whose finding is complete, was closed with the certificate's address",
        )

    def _issue(self, finding: int) -> dict[str, Any]:
        """The ticket of a finding, as it stands in Jira. Raises Unexpected where none is made."""
        wanted = f"CTEM-{finding}:"
        self._wait(
            lambda: any(i["summary"].startswith(wanted) for i in list(self.jira.issues.values()))
        )
        rows = self.people["analyst"].get(f"/tickets/?finding={finding}")["results"]
        found = [i for i in self.jira.issues.values() if i["summary"].startswith(wanted)]
        if not found:
            raise Unexpected(f"CTEM-{finding} got no ticket: {rows}")
        return found[0]

    def _said(self, issue: dict[str, Any], word: str) -> str:
        return next((text for text in self.jira.said(issue) if word in text), "")

    def _wait(self, held: Any) -> None:
        deadline = time.monotonic() + PATIENCE
        while not held() and time.monotonic() < deadline:
            time.sleep(0.1)

    def _ring(self, issue: dict[str, Any]) -> None:
        """Send what Jira's webhook sends."""
        address, secret = self.hook
        body, headers = self.jira.message(issue, secret)
        request = urllib.request.Request(  # noqa: S310 - the address is the demo's own
            address, data=body, headers={**headers, "Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as reply:  # noqa: S310
            self.say.expect(
                reply.status == 202, f"its message is signed, and taken: {reply.status}"
            )
