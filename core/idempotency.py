"""``Idempotency-Key``: the same POST again does nothing again, and is answered as it was.

The row of a key is there before the work, in a transaction of its own, so of two at once one works. It is
kept for a day. Answers are sealed: some show a secret once. Nothing here knows what the work is.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from core.errors import BadInput
from core.models import KeptAnswer, KeyState
from core.sealing import seal, unseal

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
LONGEST = timedelta(minutes=10)  # of a request; one that began before has ended without an answer
MOST_KEPT = 512 * 1024  # bytes of an answer; that of 1,000 findings moved at once is below
RETRY_SECONDS = 5
_KEY = re.compile(r"[\x20-\x7e]{1,255}")


class KeyReused(APIException):
    """422: the key belongs to another request."""

    status_code = 422
    default_code = "idempotency-key-reused"
    default_detail = (
        "This Idempotency-Key was used for another request: another address, body or token."
    )


class KeyInFlight(APIException):
    """409: the first request with the key is still being worked on."""

    status_code = 409
    default_code = "idempotency-in-flight"
    default_detail = "The first request with this Idempotency-Key is not answered yet; try again."
    wait = RETRY_SECONDS


class NoAnswerKept(APIException):
    """409: the request is not done again, and there is no answer to repeat."""

    status_code = 409
    default_code = "idempotency-no-answer"

    def __init__(self, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: status, headers and body, as they went out."""

    status: int
    headers: dict[str, str]
    content: bytes


def key_of(request: Request) -> str | None:
    """Return the key that a POST carries, if any. Raises BadInput for one that cannot be used."""
    key = request.headers.get(HEADER) if request.method == "POST" else None
    if key is not None and not _KEY.fullmatch(key):
        raise BadInput(HEADER, "must be 1 to 255 printable ASCII characters")
    return key


def fingerprint_of(request: Request) -> str:
    """Return the SHA-256 (hex) of who asks by which token, for what: method, address, query and body.

    Of a form its members and the bytes of its files count, read piece by piece: the line between its parts
    is another one each time. Of everything else the bytes as they came.
    """
    digest = hashlib.sha256()
    meta = request.META
    for text in (request.method or "", request.path, meta.get("QUERY_STRING", ""), _means(request)):
        _add(digest, [text.encode()])
    if (request.content_type or "").startswith("multipart/"):
        form: Any = request.data
        for name, values in form.lists():
            for value in values:
                _add(digest, [name.encode()])
                _add(digest, _bytes_of(value))
    else:
        _add(digest, [request.body])
    return digest.hexdigest()


def _means(request: Request) -> str:
    """By what the account signed in: an answer is shown to no other token, which may be allowed less."""
    auth: Any = request.auth
    if auth is None:
        return "session"
    return f"{type(auth).__name__}:{getattr(auth, 'pk', None) or auth.identity}"


def _bytes_of(value: Any) -> Iterable[bytes]:
    if not isinstance(value, UploadedFile):
        return [str(value).encode()]
    return _blocks_of(value)


def _blocks_of(file: UploadedFile) -> Iterable[bytes]:
    yield f"{file.name}\0".encode()
    yield from file.chunks()
    file.seek(0)


def _add(digest: Any, blocks: Iterable[bytes]) -> None:
    """Add one part so that it cannot run into the next one."""
    part = hashlib.sha256()
    for block in blocks:
        part.update(block)
    digest.update(part.digest())


def claim(*, user_id: int, key: str, fingerprint: str, at: datetime) -> KeptAnswer | Answer:
    """Return the row under which to work now, or the answer that was given to this request.

    Raises KeyReused, KeyInFlight or NoAnswerKept.
    """
    row, new = _found(user_id, key, fingerprint, at)
    if not new and row.started_at <= at - KEPT_FOR:
        KeptAnswer.objects.filter(pk=row.pk).delete()
        row, new = _found(user_id, key, fingerprint, at)
    if new:
        return row
    if row.fingerprint != fingerprint:
        raise KeyReused
    return _answer_of(row, at)


def _found(user_id: int, key: str, fingerprint: str, at: datetime) -> tuple[KeptAnswer, bool]:
    told = {"fingerprint": fingerprint, "started_at": at}
    return KeptAnswer.objects.get_or_create(user_id=user_id, key=key, defaults=told)


def _answer_of(row: KeptAnswer, at: datetime) -> Answer:
    if row.state == KeyState.RUNNING:
        if row.started_at > at - LONGEST:
            raise KeyInFlight
        raise NoAnswerKept(
            "The first request with this Idempotency-Key ended without an answer: look whether it "
            "was done, then use another key."
        )
    place = {name: value for name, value in row.headers.items() if name == "Location"}
    if row.state == KeyState.NOT_KEPT:
        raise NoAnswerKept(
            f"It was done and answered {row.code}; the answer was larger than is kept "
            f"(> {MOST_KEPT} bytes).",
            place,
        )
    try:
        content = unseal(row.sealed, context=_context(row))
    except ValueError:
        raise NoAnswerKept(
            f"It was done and answered {row.code}; the answer does not open any more, as the "
            "server's secret was changed.",
            place,
        ) from None
    return Answer(row.code or 200, row.headers, content.encode())


def keep(row: KeptAnswer, answer: Answer) -> None:
    """Keep what the work under ``row`` was answered with; of a large or unreadable answer only that."""
    row.code, row.headers, row.state = answer.status, answer.headers, KeyState.NOT_KEPT.value
    if len(answer.content) <= MOST_KEPT:
        try:
            row.sealed = seal(answer.content.decode(), context=_context(row))
            row.state = KeyState.KEPT.value
        except UnicodeDecodeError:  # a file: it can be downloaded again
            row.sealed = ""
    row.save(update_fields=["code", "headers", "state", "sealed"])


def release(row: KeptAnswer) -> None:
    """Forget a key whose work was not done: the same request may be tried again."""
    KeptAnswer.objects.filter(pk=row.pk, state=KeyState.RUNNING).delete()


def forget_old_keys(*, at: datetime) -> int:
    """Delete the rows of keys that are no longer held; return how many."""
    return KeptAnswer.objects.filter(started_at__lte=at - KEPT_FOR).delete()[0]


def _context(row: KeptAnswer) -> str:
    return f"core.keptanswer:{row.pk}:sealed"
