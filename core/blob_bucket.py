"""Raw files in an S3-compatible bucket, by django-storages. Imported by its name in the settings alone.

A PUT, and the last step of one in parts, shows an object whole or not at all. Keys are found as any program
of AWS finds them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the role of the machine; they
are in no setting of ours. No sentence of an error says more than the bucket's own word for it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from s3transfer.exceptions import RetriesExceededError
from storages.backends.s3 import S3File, S3Storage

from core.errors import Unavailable

ERRORS = (BotoCoreError, ClientError, Boto3Error, RetriesExceededError)
IN_MEMORY = 1 << 20  # bytes of a file that is read; what is larger waits on disk
# Somebody waits for it, now and then with rows locked: better to be tried again as a whole.
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 3, 20, 3
PROBE_SECONDS = 2
log = logging.getLogger(__name__)


@contextmanager
def _as_os_error() -> Iterator[None]:
    """An error of the bucket, or on the way to it, in our words; the log has the bucket's."""
    try:
        yield
    except ERRORS as error:
        log.warning("the bucket of stored files: %s", _word(error))
        raise Unavailable(
            "The bucket of stored files does not answer now. Try it again."
        ) from error


def _word(error: Exception) -> str:
    if isinstance(error, ClientError):
        said = error.response.get("Error", {})
        return f"{error.operation_name} was refused: {said.get('Code', 'without a word')}"
    return f"no answer: {type(error).__name__}"


class BlobBucket(S3Storage):
    """A bucket, or what is below a prefix in it. The same name is the same bytes, so writing twice is no harm."""

    def __init__(
        self, *, bucket_name: str, location: str = "", endpoint_url: str | None = None,
        region_name: str | None = None, addressing_style: str = "auto",
    ) -> None:  # fmt: skip
        super().__init__(
            bucket_name=bucket_name, location=location, endpoint_url=endpoint_url,
            region_name=region_name, addressing_style=addressing_style,
            file_overwrite=True, default_acl=None, max_memory_size=IN_MEMORY,
            # By the name it would be text that is gzip-encoded, which some servers unpack on the way.
            object_parameters={"ContentType": "application/gzip"},
            # One part at a time: ten threads hold ten parts, for each file that is written.
            transfer_config=TransferConfig(use_threads=False),
            client_config=Config(
                s3={"addressing_style": addressing_style}, connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS, retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            ),
        )  # fmt: skip
        self.address = f"s3://{bucket_name}/{location}".rstrip("/")

    def exists(self, name: str) -> bool:
        """Return whether there is a file of that name. Raises Unavailable."""
        with _as_os_error():
            return bool(super().exists(name))

    def _save(self, name: str, content: File) -> str:
        with _as_os_error():
            return str(super()._save(name, content))

    def _open(self, name: str, mode: str = "rb") -> S3File:
        with _as_os_error():
            file = super()._open(name, mode)
            try:
                return file.open()  # fetched now: what goes wrong with it goes wrong here
            except BaseException:
                file.close()
                raise

    def probe(self) -> None:
        """Raise Unavailable unless the bucket is there and lets us in; it is asked once, for seconds."""
        with _as_os_error():
            self._impatient.head_bucket(Bucket=self.bucket_name)

    @cached_property
    def _impatient(self) -> Any:
        """A client of its own that gives up at once; clients may be used by several threads."""
        config = self.client_config.merge(
            Config(
                connect_timeout=PROBE_SECONDS, read_timeout=PROBE_SECONDS,
                retries={"total_max_attempts": 1},
            )
        )  # fmt: skip
        return self._create_session().client(
            "s3", region_name=self.region_name, endpoint_url=self.endpoint_url, config=config,
            use_ssl=self.use_ssl, verify=self.verify,
        )  # fmt: skip
