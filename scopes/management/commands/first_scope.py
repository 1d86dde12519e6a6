"""The first scope and its administrator, on an installation where nobody can sign in yet."""

import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from core.models import InstallationRole, User
from scopes.models import Scope
from scopes.services import create_scope


class Command(BaseCommand):
    help = "Make a scope and its administrator. The password is asked for, or read from a pipe."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the scope, as people write it")
        parser.add_argument("--admin", required=True, help="sign-in name of the administrator")
        parser.add_argument("--email", default="")

    @transaction.atomic
    def handle(self, *args: Any, name: str, admin: str, email: str, **options: Any) -> None:
        user = User.objects.filter(username=admin).first()
        if user is None:
            user = User(username=admin, email=email)
            user.set_password(self._password(user))
            user.save()
        slug = slugify(name)[:60]
        if not slug or Scope.objects.filter(slug=slug).exists():
            raise CommandError(f"there is a scope with the short name {slug!r} already")
        create_scope(name=name, slug=slug, by=user, at=timezone.now())
        if not User.objects.filter(installation_role=InstallationRole.ADMIN).exists():
            user.installation_role = InstallationRole.ADMIN
            user.save(update_fields=["installation_role"])
        self.stdout.write(f"scope {slug} is there; {admin} administers it")

    def _password(self, user: User) -> str:
        ask = getpass.getpass if sys.stdin.isatty() else lambda _: sys.stdin.readline().rstrip("\n")
        password = ask("Password: ")
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        return password
