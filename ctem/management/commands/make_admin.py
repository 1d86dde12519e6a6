"""Make somebody an administrator, of the installation or of a scope that lost its last one: from the shell."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.errors import Refused
from core.models import InstallationRole, User
from core.permissions import Role
from people.services.accounts import open_account, reset_factors, set_installation_role
from scopes.models import Scope
from scopes.services import set_member


class Command(BaseCommand):
    help = "Make an account an administrator of the installation, or with --scope of that scope."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--scope", default="", help="short name of the scope")
        parser.add_argument(
            "--reset-factors", action="store_true", help="take the account's second factors, too"
        )

    def handle(
        self, *args: Any, username: str, scope: str, reset_factors: bool, **options: Any
    ) -> None:
        user, now = User.objects.filter(username=username).first(), timezone.now()
        if user is None:
            raise CommandError(f"there is no account {username!r}")
        try:
            user = open_account(user=user, by=None, at=now)
            if reset_factors:
                _reset(user)
            if scope:
                row = Scope.objects.filter(slug=scope).first()
                if row is None:
                    raise CommandError(f"there is no scope {scope!r}")
                set_member(scope=row, user=user, role=Role.ADMIN, by=None, at=now)
            else:
                set_installation_role(user=user, role=InstallationRole.ADMIN, by=None, at=now)
        except Refused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{username} administers {scope or 'the installation'}")


def _reset(user: User) -> None:
    reset_factors(user=user, by=None, at=timezone.now())
