"""GitHub's own description of its API, held against our adapter and against our fake of it."""

import json

import pytest

from core.permissions import Role
from findings.models import Finding
from findings.services import add_comment
from findings.services.assigning import assign
from tests import factories as make
from tests.loopback import Request, serving
from tests.tickets.described import Described
from tests.tickets.hosts import HOSTS
from tests.tickets.test_tracker_following import happen

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(settings, clock):
    with serving() as server:
        settings.OUTBOUND_PLAIN_HOSTS = [server.host]
        settings.OUTBOUND_PRIVATE_HOSTS = []
        yield HOSTS["github"].follow(server, clock)


def test_all_that_is_asked_of_github_is_as_github_describes_it(story):
    """Made, read, found, told, labelled, assigned, closed, reopened; an answer was lost, a ticket is gone."""
    host, developer = story.jira, make.member(story.scope, Role.DEVELOPER)
    story.know(developer, "dan-there")
    host.fail("POST", "issues$")
    story.ticket()
    story.clock.forward(minutes=2)
    story.round()  # found by its mark
    add_comment(finding=story.finding, body="Look.", by=developer, at=story.clock())
    analyst = make.member(story.scope, Role.ANALYST)
    assign(finding=story.finding, to=developer, by=analyst, at=story.clock())
    Finding.objects.update(priority_band="P1")
    happen(story)
    story.round()
    host.only["is_open"] = False
    story.poll()  # commented, reopened
    host.say("Theirs.")
    story.poll()
    make.complete(story.finding)
    story.round()
    assert not host.only["is_open"] and host.only["labels"] == ["ctem", "P1"]
    host.issues.clear()
    story.poll()
    described = host.described
    assert described.faults == []
    doors = {(m.upper(), path) for path, doors in described.told["paths"].items() for m in doors}
    assert described.seen == doors


GOOD = ("POST", "/repos/acme/web/issues", {"title": "x", "labels": ["ctem"]})
HEADERS = {"user-agent": "ctem", "content-type": "application/json", "accept": "json"}


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        (*GOOD, ""),
        (
            "POST",
            "/repos/acme/web/issues",
            {"title": "x", "colour": "red"},
            "'colour' was unexpected",
        ),
        ("POST", "/repos/acme/web/issues", {"labels": "ctem"}, "'title' is a required property"),
        (
            "POST",
            "/repos/acme/web/issues",
            {"title": "x", "labels": "ctem"},
            "is not of type 'array'",
        ),
        (
            "PATCH",
            "/repos/acme/web/issues/1",
            {"state": "done"},
            "is not one of ['open', 'closed']",
        ),
        ("POST", "/repos/acme/web/tickets", {"title": "x"}, "no such door"),
        ("DELETE", "/repos/acme/web/issues/1", None, "no such door"),
        ("GET", "/repos/acme/web/issues?sort=colour", None, "is not one of"),
        ("GET", "/repos/acme/web/issues?perpage=9", None, "the query perpage is not described"),
    ],
)
def test_what_github_does_not_describe_is_found(method, path, body, said):
    described = Described("github_openapi.json", {"accept": "json"})
    data = b"" if body is None else json.dumps(body).encode()
    described.hold(Request(method, path, HEADERS, data), (500, {}, b"<html>"))
    if said:
        assert any(said in fault for fault in described.faults), described.faults
    else:
        assert described.faults == []


def test_an_answer_that_github_would_not_give_is_found():
    described = Described("github_openapi.json", {"accept": "json"})
    asked = Request("GET", "/repos/acme/web/issues/1", HEADERS, b"")
    described.hold(asked, (200, {"Content-Type": "application/json"}, b'{"number": "1"}'))
    assert any("'1' is not of type 'integer'" in fault for fault in described.faults)
    assert any("'html_url' is a required property" in fault for fault in described.faults)
    described.faults.clear()
    described.hold(asked, (418, {}, b""))
    assert "answers 418, which is not described" in described.faults[0]
