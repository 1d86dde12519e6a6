"""Signing in as a browser does, and what was written down of it."""

import html
import json
import time

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from core.models import Event

PASSWORD = "correct horse battery"


def with_password(user, password=PASSWORD):
    user.set_password(password)
    user.save(update_fields=["password"])
    return user


def sign_in(client, name, password=PASSWORD, **more):
    return client.post("/sign-in/", {"login": name, "password": password, **more})


def browser(user, **options):
    """A client that signed in by password."""
    client = Client(**options)
    response = sign_in(client, user.username)
    assert response.status_code == 302, response.content.decode()
    return client


def is_in(client):
    return client.get("/tokens/").status_code == 200


def code_of(secret, at=None):
    """What an authenticator app shows."""
    counter = int((at or time.time()) // 30)
    return format_hotp_value(hotp_value(secret, counter))


def enrol_app(client):
    """Set up an app; return its secret."""
    page = client.get("/profile/sign-in/app/")
    assert page.status_code == 200, page["Location"]
    secret = page.context["form"].secret
    answer = client.post("/profile/sign-in/app/", {"code": code_of(secret)})
    assert answer.status_code == 302, answer.content.decode()
    return secret


def options_of(page):
    """What a page asks the browser for."""
    marked = page.content.decode().partition('data-options="')[2].partition('"')[0]
    return json.loads(html.unescape(marked))


def events(action):
    return list(Event.objects.filter(action=action).order_by("pk"))
