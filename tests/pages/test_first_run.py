"""The first run: one first account, once; then a report by hand."""

import json

import pytest
from django.core.management import call_command
from django.test import Client

from core.errors import WrongState
from core.models import Event, User
from core.permissions import Role
from scans.models import Scan
from scopes.models import Asset, Membership
from scopes.services.setting_up import set_up, setup_code
from tests import factories as make
from tests.code import Code, sarif_of
from tests.pages.markup import Page, faults
from tests.races import race

FIRST = {"username": "ada", "email": "ada@example.org", "password": "correct horse battery",
         "scope": "Web shop"}  # fmt: skip


def test_while_nobody_has_an_account_the_first_one_is_made_and_signed_in(db):
    client = Client()
    assert "/setup/" in Page(client.get("/sign-in/")).links()
    assert list(faults(Page(client.get("/setup/")))) == []
    answer = client.post("/setup/", FIRST)
    assert answer["Location"] == "/scans/upload/"
    user = User.objects.get()
    membership = Membership.objects.get(user=user)
    assert membership.role == Role.ADMIN and membership.scope.slug == "web-shop"
    assert not user.is_superuser and user.check_password(FIRST["password"])
    assert client.get("/scans/upload/").status_code == 200
    told = Event.objects.get(action="installation.set_up")
    assert told.actor == user and "correct" not in json.dumps(told.data)


def test_the_door_is_gone_as_soon_as_anybody_has_an_account(db):
    make.make_user("anybody")
    client = Client()
    assert client.get("/setup/").status_code == 404
    assert client.post("/setup/", FIRST).status_code == 404
    assert User.objects.count() == 1
    assert "/setup/" not in Page(client.get("/sign-in/")).links()


@pytest.mark.parametrize(
    ("told", "words"),
    [({"password": "short"}, "too short"), ({"password": "password1234"}, "common"),
     ({"username": "a b"}, "username"), ({"email": "x"}, "email"), ({"scope": "  "}, "required")],
)  # fmt: skip
def test_what_cannot_be_an_account_is_refused_and_nothing_is_made(db, told, words):
    answer = Client().post("/setup/", {**FIRST, **told})
    assert answer.status_code == 400 and words in Page(answer).text
    assert not User.objects.exists() and not Membership.objects.exists()


def test_in_production_it_asks_for_the_code_that_the_server_prints(db, settings, capsys):
    settings.PRODUCTION = True
    client = Client()
    assert client.post("/setup/", FIRST).status_code == 400
    wrong = client.post("/setup/", {**FIRST, "code": "0" * 20})
    assert "is not that of this installation" in Page(wrong).text
    assert not User.objects.exists()
    call_command("setup_code")
    assert capsys.readouterr().out.strip() == setup_code()
    assert client.post("/setup/", {**FIRST, "code": setup_code()}).status_code == 302
    call_command("setup_code")
    assert setup_code() not in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_of_two_who_set_up_at_once_one_is_first():
    def first(name):
        return lambda: set_up(
            username=name, email=f"{name}@example.org", password=FIRST["password"], scope=name,
            at=make.now(),
        )  # fmt: skip

    answers = race(first("ada"), first("grace"))
    assert User.objects.count() == 1
    assert sum(isinstance(answer, WrongState) for answer in answers) == 1


# --- a report by hand ----------------------------------------------------------------------------
def report(tmp_path):
    file = tmp_path / "report.sarif"
    file.write_text(json.dumps(sarif_of(Code({"app/a.py": "eval(x)\n"}))))
    return file.open("rb")


def test_a_report_brought_by_hand_makes_its_asset_and_is_read(world, browse, tmp_path):
    client = browse(world.member("admin"))
    with report(tmp_path) as file:
        answer = client.post(
            "/scans/upload/", {"file": file, "name": "acme/new", "scope": world.scope.pk}
        )
    scan = Scan.objects.latest("pk")
    assert answer["Location"] == scan.get_absolute_url()
    assert scan.asset.name == "acme/new"
    assert make.run_job(scan).state == "done"
    with report(tmp_path) as file:
        again = client.post("/scans/upload/", {"file": file, "asset": scan.asset_id})
    assert again["Location"] == scan.get_absolute_url()


def test_who_may_not_upload_there_is_offered_nothing_and_makes_nothing(world, browse, tmp_path):
    before = Scan.objects.count(), Asset.objects.count()
    for role in ("viewer", "analyst"):
        with report(tmp_path) as file:
            body = {"file": file, "name": "acme/new", "scope": world.scope.pk}
            assert browse(world.member(role)).post("/scans/upload/", body).status_code == 400
    with report(tmp_path) as file:
        body = {"file": file, "asset": world.asset.pk}
        assert browse(world.member("viewer")).post("/scans/upload/", body).status_code == 400
    assert (Scan.objects.count(), Asset.objects.count()) == before
