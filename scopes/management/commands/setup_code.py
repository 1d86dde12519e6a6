"""Print the code that setting up asks for in production."""

from typing import Any

from django.core.management.base import BaseCommand

from scopes.services.setting_up import is_fresh, setup_code


class Command(BaseCommand):
    help = "Print the code that /setup/ asks for in production, while nobody has an account."

    def handle(self, *args: Any, **options: Any) -> None:
        if is_fresh():
            self.stdout.write(setup_code())
        else:
            self.stdout.write("Somebody has an account already: there is nothing to set up.")
