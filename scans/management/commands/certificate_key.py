"""The keys that sign closure certificates: list, make, retire (rotation), revoke (compromise)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.errors import Refused
from gate import dsse
from gate.certificate import Key
from gate.strict import moment
from scans import certificates
from scans.services import signing_keys

SOON = timedelta(days=60)
AFTER_A_COMPROMISE = """\
What to do now:
 1. Find out how the secret got away, and close that way before the new key goes the same one.
 2. Tell those who verify: the new key list, from a place they trust other than this server
    (manage.py certificate_key document). Who holds the old PEM alone sees nothing of all this.
 3. Bundles that they hold were sealed by the old key and are refused now: they fetch new ones.
    What the old key signed before stays good there, by the record that is published with it.
 4. Certificates named above are not believed any more: manage.py certificate FINDING --revoke REASON
    reopens each; only a fix that merges from now on closes it again.
 5. manage.py closure_fsck must name nothing else.
"""


class Command(BaseCommand):
    help = "The keys that sign certificates. Without a word: list them."

    def add_arguments(self, parser: CommandParser) -> None:
        words = parser.add_subparsers(dest="word", metavar="WORD")
        words.add_parser("list", help="all keys with their lives (also without a word)")
        create = words.add_parser("create", help="make a key that signs from now on")
        create.add_argument("--days", type=int, default=certificates.VALID_DAYS)
        create.add_argument(
            "--starts", metavar="TIME", help="RFC 3339; published now, signs from then"
        )
        retire = words.add_parser("retire", help="rotate: another key signs from now on")
        retire.add_argument("key", nargs="?", metavar="ID", help="by default the one that signs")
        revoke = words.add_parser("revoke", help="the secret got away: what it signed is void")
        revoke.add_argument("key", metavar="ID")
        revoke.add_argument("--reason", required=True)
        revoke.add_argument(
            "--since", metavar="TIME", help="RFC 3339; not believed from then on (default: now)"
        )
        pem = words.add_parser("pem", help="print one public key")
        pem.add_argument("key", metavar="ID")
        words.add_parser("document", help="print the key list as it is published")

    def handle(self, *args: Any, word: str | None, **options: Any) -> None:
        try:
            getattr(self, f"_{word or 'list'}")(**options)
        except Refused as error:
            raise CommandError(str(error)) from error

    def _list(self, **options: Any) -> None:
        listed, now = certificates.key_list(), timezone.now()
        if listed is None:
            self.stdout.write("no key yet: the first certificate makes one, or create does")
            return
        signs = certificates.usable(listed, now)
        for key in listed.keys:
            note = _note(key, now) + ("   signs now" if signs and signs.keyid == key.keyid else "")
            life = f"{key.not_before} to {key.not_after}"
            self.stdout.write(f"{key.keyid}   {dsse.fingerprint(key.raw)}   {life}{note}")

    def _create(self, *, days: int, starts: str | None, **options: Any) -> None:
        if not 1 <= days <= 3660:
            raise CommandError("--days: from 1 to 3660")
        begin = _time(starts, "--starts") if starts else None
        key = signing_keys.create(days=days, starts=begin, at=timezone.now())
        self.stdout.write(f"made {key.keyid}, valid {key.not_before} to {key.not_after}")
        self._list()

    def _retire(self, *, key: str | None, **options: Any) -> None:
        now = timezone.now()
        keyid = key or certificates.signing_key(now).keyid
        signing_keys.retire(keyid, at=now)
        self.stdout.write(f"retired {keyid}: what it signed stays good, its secret is destroyed")
        self._list()

    def _revoke(self, *, key: str, reason: str, since: str | None, **options: Any) -> None:
        now = timezone.now()
        moment = _time(since, "--since") if since else now
        revoked = signing_keys.revoke(key, since=moment, reason=reason, at=now)
        self.stdout.write(f"revoked {key} as of {revoked.revoked_at}; its secret is destroyed")
        for clearance in signing_keys.affected(revoked):
            self.stdout.write(
                f"not believed any more: CTEM-{clearance.finding_id}, clearance {clearance.pk}"
            )
        self._list()
        self.stdout.write(AFTER_A_COMPROMISE)

    def _pem(self, *, key: str, **options: Any) -> None:
        raw = certificates.public_keys().get(key)
        if raw is None:
            raise CommandError(f"there is no key {key!r}")
        self.stdout.write(dsse.to_pem(raw).decode(), ending="")

    def _document(self, **options: Any) -> None:
        self.stdout.write(certificates.published().to_bytes().decode())


def _time(text: str, option: str) -> datetime:
    found = moment(text)
    if found is None:
        raise CommandError(f"{option}: {text!r} is not a time in RFC 3339, as 2027-01-01T00:00:00Z")
    return found


def _note(key: Key, now: datetime) -> str:
    """What is to be said of a key's life at this moment."""
    ends = moment(key.not_after) or datetime.max.replace(tzinfo=UTC)
    begins = moment(key.not_before) or now
    if key.state != "active":
        return f"   {key.state}" + (f": {key.revoked_reason}" if key.revoked_reason else "")
    if ends < now:
        return "   expired"
    if begins > now:
        return "   signs later"
    return f"   ENDS IN {(ends - now).days} DAYS, create the next one" if ends - now < SOON else ""
