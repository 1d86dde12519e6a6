"""The keys that sign closure certificates: make the next one, list all with their fingerprints."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gate import dsse
from scans.certificates import make_key, public_keys, signing_key


class Command(BaseCommand):
    help = "List the public keys of certificates, to be published; or make the key that signs from now on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--make", action="store_true", help="make a new key; older ones stay published"
        )
        parser.add_argument("--pem", metavar="ID", help="print one public key as PEM")

    def handle(self, *args: Any, make: bool, pem: str | None, **options: Any) -> None:
        if make:
            make_key()
        keys = public_keys()
        if pem is not None and pem not in keys:
            raise CommandError(f"there is no key {pem!r}")
        if pem is not None:
            self.stdout.write(dsse.to_pem(keys[pem]).decode(), ending="")
            return
        signs_now = signing_key()[0] if keys else ""
        for keyid, key in keys.items():
            note = "   signs now" if keyid == signs_now else ""
            self.stdout.write(f"{keyid}   {dsse.fingerprint(key)}{note}")
        if not keys:
            self.stdout.write("no key yet: the first certificate makes one, or --make")
