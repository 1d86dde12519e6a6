"""The embedded queue: a folder of message files, so that trying CTEM out takes no broker.

``embedded:///absolute/folder``. kombu's own filesystem transport shows a message before it is
written and loses it (celery/kombu#1551); here a file appears under its name only when it is
complete, and whoever removes it owns it. A message that a killed worker held is gone: the row in
the database is the job, and the sweep rings again. Production takes Redis or RabbitMQ.
"""

import logging
import os
import re
import time
import uuid
from collections import defaultdict, deque
from pathlib import Path
from queue import Empty
from typing import Any, ClassVar

from kombu.exceptions import ChannelError
from kombu.transport import virtual
from kombu.utils.json import dumps, loads

logger = logging.getLogger(__name__)

POLLING_SECONDS = 0.05
QUEUE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
SUFFIX = ".json"


def make_folder(folder: Path) -> None:
    """Create ``folder`` and what is missing above it, each for its owner only."""
    if not folder.parent.exists():
        make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


class Channel(virtual.Channel):
    """One folder a queue, one file a message, the oldest name first."""

    connection: "Transport"

    def __init__(self, connection: Any, **options: Any) -> None:
        super().__init__(connection, **options)
        self._listed: dict[str, deque[Path]] = defaultdict(deque)

    def _folder(self, queue: str) -> Path:
        """Return the folder of ``queue``; raises ChannelError for what is no plain name."""
        if not QUEUE_NAME.fullmatch(queue):
            raise ChannelError(f"not a queue name: {queue!r}")
        return self.connection.folder / queue

    def _names(self, queue: str) -> list[Path]:
        try:
            names = os.listdir(self._folder(queue))
        except FileNotFoundError:  # before the first message, or swept away under us
            return []
        return [self._folder(queue) / name for name in sorted(names) if name.endswith(SUFFIX)]

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        """Write the whole message under a passing name, then let it appear at once."""
        folder = self._folder(queue)
        make_folder(folder)
        target = folder / f"{time.time_ns():020d}-{uuid.uuid4().hex}{SUFFIX}"
        passing = target.with_suffix(".tmp")
        try:
            with open(os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(dumps(message).encode())
                file.flush()
                os.fsync(file.fileno())
            os.replace(passing, target)
        finally:
            passing.unlink(missing_ok=True)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        """Return the oldest message that this process could remove; raises Empty."""
        listed = self._listed[queue]
        if not listed:
            listed.extend(self._names(queue))
        while listed:
            message = self._take(listed.popleft())
            if message is not None:
                return message
        raise Empty

    @staticmethod
    def _take(file: Path) -> dict[str, Any] | None:
        """Read and remove ``file``; None where another consumer was first or it is no message."""
        try:
            content = file.read_bytes()
            file.unlink()  # succeeds in exactly one process
        except FileNotFoundError:
            return None
        try:
            return loads(content)
        except ValueError:
            logger.error("dropped %s: not a message (%d bytes)", file, len(content))
            return None

    def _size(self, queue: str) -> int:
        return len(self._names(queue))

    def _purge(self, queue: str) -> int:
        names = self._names(queue)
        for name in names:
            name.unlink(missing_ok=True)
        return len(names)


class Transport(virtual.Transport):
    """Polls the folder; direct exchanges only, as Celery's task queues need them."""

    Channel = Channel
    polling_interval = POLLING_SECONDS
    default_connection_params: ClassVar[dict[str, Any]] = {}  # kombu's are a host and a port
    driver_type = driver_name = "embedded"
    # A full or vanished disk is to the caller what an unreachable broker is: kombu tries again.
    connection_errors = (*virtual.Transport.connection_errors, OSError)
    implements = virtual.Transport.implements.extend(exchange_type=frozenset({"direct"}))

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        path = (client.virtual_host or "").strip("/")
        if client.hostname not in (None, "localhost") or not path:
            raise ValueError("the embedded broker's address is embedded:///absolute/folder")
        self.folder = Path("/", path)
        make_folder(self.folder)

    def driver_version(self) -> str:
        """Return what kombu's reports show as the driver's version."""
        return "1"
