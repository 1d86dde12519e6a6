"""Inviting by mail: one link, one address, one use, seven days; through a real mail server."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from core.models import Event, Job, JobState, User
from ctem import jobs
from scopes.models import Invitation, Membership
from scopes.services import set_member
from scopes.services.invitations import INVITED_DAYS, invite
from tests import factories as make
from tests.people.signing import browser, events, is_in, sign_in, with_password
from tests.tickets.postbox import posting

NEW = {"username": "grace", "name": "Grace Hopper", "password": "nanoseconds of wire",
       "again": "nanoseconds of wire"}  # fmt: skip

OF_EACH = ("id", "email", "created_at", "expires_at")


@pytest.fixture
def postbox(settings):
    with posting() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        settings.EMAIL_USE_TLS, settings.PUBLIC_URL = False, "https://ctem.example.org"
        yield box


def invited(scope, admin, email="grace@example.org", role="analyst", at=None):
    return invite(scope=scope, email=email, role=role, by=admin, at=at or timezone.now())


def opened(key, client=None):
    client = client or Client()
    client.get("/join/", {"key": key})
    return client


def do_jobs():
    for job in Job.objects.filter(kind="invitation", state=JobState.QUEUED):
        jobs.run(job.pk)


def test_the_link_comes_by_mail_and_makes_an_account_with_the_role(scope, ada, postbox):
    told = {"email": "Grace@Example.org", "role": "analyst"}
    page = browser(ada).post("/scopes/shop/members/invite/", told, follow=True)
    assert "on its way to grace@example.org" in page.content.decode()
    do_jobs()
    (mail,) = postbox.mails
    assert mail["To"] == "grace@example.org"
    link = re.search(r"https://ctem.example.org(/join/\?key=\S+)", mail.get_content())[1]
    client = Client()
    shown = client.get(link, follow=True)
    assert shown.redirect_chain == [("/join/", 302)]  # the key is out of the address
    assert "invites grace@example.org as analyst" in shown.content.decode()
    assert client.post("/join/", NEW)["Location"] == "/sign-in/"
    made = User.objects.get(username="grace")
    assert (made.email, made.get_full_name()) == ("grace@example.org", "Grace Hopper")
    assert Membership.objects.get(user=made).role == "analyst"
    sign_in(client, "grace", NEW["password"])
    assert is_in(client)
    row = Invitation.objects.get()
    assert (row.accepted_by, row.sealed_key) == (made, "")
    assert [e.action for e in Event.objects.filter(subject="invitation").order_by("pk")] == [
        "invitation.invited",
        "invitation.accepted",
    ]


def test_no_key_stands_in_a_row_an_event_or_a_log(scope, ada, postbox, caplog):
    _, key = invited(scope, ada)
    do_jobs()
    Client().get("/join/", {"key": key})
    row = Invitation.objects.values().get()
    told = str(list(Event.objects.values_list("data", flat=True))) + str(row) + caplog.text
    assert key not in told


def test_without_a_mail_server_the_link_is_shown_once_to_who_invites(scope, ada):
    client = browser(ada)
    page = client.post("/scopes/shop/members/invite/", {"email": "g@example.org", "role": "viewer"})
    assert page.status_code == 201
    assert "http://testserver/join/?key=" in page.content.decode()
    assert "/join/?key=" not in client.get("/scopes/shop/members/").content.decode()
    assert not Job.objects.filter(kind="invitation").exists()


def test_a_link_works_once(scope, ada):
    _, key = invited(scope, ada)
    assert opened(key).post("/join/", NEW).status_code == 302
    again = opened(key).post("/join/", {**NEW, "username": "mallory"})
    assert again.status_code == 404
    assert not User.objects.filter(username="mallory").exists()


@pytest.mark.parametrize("how", ["expired", "withdrawn", "invented", "replaced"])
def test_a_link_that_does_not_stand_says_no_more_than_that(scope, ada, how):
    at = timezone.now() - timedelta(days=INVITED_DAYS, seconds=1) if how == "expired" else None
    row, key = invited(scope, ada, at=at)
    if how == "withdrawn":
        browser(ada).post(f"/invitations/{row.pk}/withdraw/")
    if how == "invented":
        key = "x" * 43
    if how == "replaced":
        invited(scope, ada)
    client = opened(key)
    page = client.get("/join/")
    assert page.status_code == 404
    assert "used, withdrawn, or is too old" in page.content.decode()
    assert scope.name not in page.content.decode()
    assert client.post("/join/", NEW).status_code == 404
    assert not User.objects.filter(username="grace").exists()


def test_the_link_is_bound_to_the_address(scope, ada, outsider):
    _, key = invited(scope, ada)
    client = opened(key, browser(with_password(outsider)))
    refused = client.post("/join/")
    assert refused.status_code == 409
    assert "another mail address" in refused.content.decode()
    assert not Membership.objects.filter(scope=scope, user=outsider).exists()


def test_who_has_an_account_signs_in_and_joins(scope, ada, outsider):
    _, key = invited(scope, ada, email=outsider.email)
    client = opened(key)
    assert "You have an account with this address" in client.get("/join/").content.decode()
    refused = client.post("/join/", NEW)
    assert refused.status_code == 409
    sign_in(client, with_password(outsider).username)
    assert client.post("/join/")["Location"] == "/scopes/shop/"
    assert Membership.objects.get(scope=scope, user=outsider).role == "analyst"


def test_accepting_lowers_no_role_that_one_has(scope, ada):
    approver = with_password(make.member(scope, "approver"))
    _, key = invited(scope, ada, email=approver.email, role="viewer")
    opened(key, browser(approver)).post("/join/")
    assert Membership.objects.get(scope=scope, user=approver).role == "approver"


def test_who_lost_the_right_to_invite_lost_their_invitations_too(scope, ada):
    make.add_member(scope, make.make_user("second"), "admin")
    _, key = invited(scope, ada, role="admin")
    set_member(scope=scope, user=ada, role="viewer", by=None, at=timezone.now())
    assert opened(key).post("/join/", NEW).status_code == 409
    assert not User.objects.filter(username="grace").exists()


def test_inviting_tells_nobody_who_has_an_account(scope, ada, outsider, postbox):
    client = APIClient()
    client.force_login(ada)
    answers = []
    for email in (outsider.email, "new@example.org"):
        told = {"scope": scope.pk, "email": email, "role": "viewer"}
        body = client.post("/api/v1/invitations/", told).json()
        answers.append({name: body[name] for name in body if name not in OF_EACH})
    assert answers[0] == answers[1]
    assert answers[0]["key"] == ""  # it is mailed


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("username", "ada lovelace"),
        ("username", "x" * 151),
        ("name", " "),
        ("password", "short"),
        ("again", "other"),
    ],
)
def test_an_account_that_cannot_be_is_refused_and_nothing_is_half_written(
    scope, ada, member, value
):
    _, key = invited(scope, ada)
    answer = opened(key).post("/join/", {**NEW, member: value})
    assert answer.status_code in (409, 422)
    assert not User.objects.filter(email="grace@example.org").exists()
    assert Invitation.objects.get().accepted_at is None


def test_a_user_name_that_differs_in_case_alone_is_taken(scope, ada):
    _, key = invited(scope, ada)
    refused = opened(key).post("/join/", {**NEW, "username": ada.username.upper()})
    assert "is taken" in refused.content.decode()


@pytest.mark.parametrize(
    ("email", "role"), [("nobody", "viewer"), ("a@b.org", "pipeline"), ("a@b.org", "root")]
)
def test_what_cannot_be_invited_is_named(scope, ada, email, role):
    page = browser(ada).post(
        "/scopes/shop/members/invite/", {"email": email, "role": role}, follow=True
    )
    assert "callout-fail" in page.content.decode()
    assert not Invitation.objects.exists()


def test_a_mail_server_that_is_down_loses_no_invitation(scope, ada, postbox):
    invited(scope, ada)
    postbox.answer = "451 later"
    do_jobs()
    job = Job.objects.get(kind="invitation")
    assert (job.state, job.postponed) == (JobState.QUEUED, 1)
    assert Invitation.objects.get().mailed_at is None
    postbox.answer = ""
    Job.objects.update(next_attempt_at=timezone.now())
    do_jobs()
    assert len(postbox.mails) == 1
    assert events("invitation.invited")[0].data == {"email": "grace@example.org", "role": "analyst"}
