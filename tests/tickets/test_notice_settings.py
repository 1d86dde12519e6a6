"""What a person wants to be told of: by page and API, by themselves alone."""

import json
from datetime import timedelta

import pytest
from django.test import Client

from core.errors import BadInput, NotAllowed
from scopes.services import issue_token
from tests import factories as make
from tests.tickets.noticed import assign, told, wants
from tickets.models import Notice, NoticePreferences, NoticeSetting
from tickets.services.notice_relay import relay_notices
from tickets.services.notices import forget_notices, set_notices, wishes_of
from tickets.statuses import Channel, NoticeKind, Pace

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


# --- what one wants ------------------------------------------------------------------------------
def test_nobody_is_told_of_anything_unasked(finding, developer, analyst):
    assign([finding], developer, analyst)
    relay_notices(at=make.now())
    assert told() == []
    assert set(wishes_of(developer).paces.values()) == {None}


BAD = [
    ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ({"digest_hour": 24}, "digest_hour"),
    ({"addresses": {Channel.SLACK: "ftp://x"}}, "url"),
    ({"addresses": {Channel.MAIL: "https://x.example/"}}, "addresses"),
    ({"paces": {(NoticeKind.ASSIGNED, Channel.SLACK): Pace.NOW}}, "paces"),
]


@pytest.mark.parametrize(("asked", "where"), BAD)
def test_what_cannot_be_is_refused_by_its_name_and_nothing_is_kept(developer, asked, where):
    with pytest.raises(BadInput) as refused:
        set_notices(by=developer, at=make.now(), **asked)
    assert refused.value.where == where
    assert not NoticePreferences.objects.exists() and not NoticeSetting.objects.exists()


def test_taking_an_address_away_ends_what_was_told_there(developer, url):
    wants(developer, Channel.SLACK, addresses={Channel.SLACK: url})
    set_notices(by=developer, at=make.now(), addresses={Channel.SLACK: ""})
    assert not NoticeSetting.objects.exists()


def test_a_token_changes_nothing_of_what_its_owner_is_told(developer):
    developer.token, key = issue_token(user=developer, by=developer, name="ci", at=make.now())
    with pytest.raises(NotAllowed):
        wants(developer)
    answer = Client().post(
        "/api/v1/me/notifications/", json.dumps({"digest_hour": 3}),
        content_type="application/json", headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip
    assert answer.status_code == 403


def test_the_profile_and_the_api_set_and_show_the_same(developer):
    client = Client()
    client.force_login(developer)
    body = {
        "time_zone": "Europe/Berlin",
        "digest_hour": "6",
        "assigned-mail": "now",
        "due-mail": "digest",
    }
    assert client.post("/profile/", body).status_code == 302
    shown = client.get("/api/v1/me/notifications/").json()
    assert (shown["time_zone"], shown["digest_hour"]) == ("Europe/Berlin", 6)
    assert shown["channels"] == ["mail"]
    paces = {(one["kind"], one["channel"]): one["pace"] for one in shown["settings"]}
    assert paces["assigned", "mail"] == "now" and paces["due", "mail"] == "digest"
    assert paces["acceptance_ends", "mail"] == "off"
    off = {"settings": [{"kind": "assigned", "channel": "mail", "pace": "off"}]}
    changed = client.post("/api/v1/me/notifications/", json.dumps(off), "application/json").json()
    assert {"kind": "assigned", "channel": "mail", "pace": "off"} in changed["settings"]
    assert {"kind": "due", "channel": "mail", "pace": "digest"} in changed["settings"]


def test_notices_that_are_over_are_forgotten_and_what_waits_is_not(finding, developer, analyst):
    wants(developer)
    for _ in range(2):
        assign([finding], developer, analyst)
    at = make.now()
    relay_notices(at=at)
    first = Notice.objects.earliest("pk")
    Notice.objects.filter(pk=first.pk).update(state="sent", next_attempt_at=None, ended_at=at)
    assert forget_notices(at=at + timedelta(days=89)) == 0
    assert forget_notices(at=at + timedelta(days=91)) == 1
    assert Notice.objects.count() == 1
