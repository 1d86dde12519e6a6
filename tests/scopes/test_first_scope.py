import io
import sys

import pytest
from django.core.management import CommandError, call_command

from core.models import User
from core.permissions import Permission
from scopes.access import can
from scopes.models import Scope

pytestmark = pytest.mark.django_db


def type_in(monkeypatch, text):
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_the_first_scope_comes_with_somebody_who_administers_it(monkeypatch):
    type_in(monkeypatch, "correct horse battery\n")
    call_command("first_scope", "Customer portal", admin="ada")
    ada = User.objects.get(username="ada")
    assert ada.check_password("correct horse battery")
    assert can(ada, Permission.ADMINISTER, Scope.objects.get(slug="customer-portal").pk)


def test_a_weak_password_or_a_taken_name_makes_nothing(monkeypatch):
    type_in(monkeypatch, "short\n")
    with pytest.raises(CommandError, match="too short"):
        call_command("first_scope", "Portal", admin="ada")
    assert not User.objects.exists()
    type_in(monkeypatch, "correct horse battery\n")
    call_command("first_scope", "Portal", admin="ada")
    with pytest.raises(CommandError, match="portal"):
        call_command("first_scope", "Portal", admin="ada")
