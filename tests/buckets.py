"""Where stored files lie, as tests look at it: a folder, or a bucket of a real S3 server on this machine."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import boto3
from botocore.config import Config
from django.conf import settings

from core import blobs
from ctem import environment

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "s3cr3t-c4n4ry-of-the-bucket",
    "AWS_SESSION_TOKEN": "t0k3n-c4n4ry-of-the-session",
}
SECRETS = tuple(KEYS.values())
REGION = "eu-central-1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """A real S3 server in a process of its own; yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def _wait(process: subprocess.Popen, port: int) -> None:
    for _ in range(600):
        assert process.poll() is None, "the S3 server did not start"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError("the S3 server does not listen")


class Folder:
    """Stored files below a folder, past our own code."""

    kind = "folder"

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        """Return the names of all files, whole or not."""
        return [str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file()]

    def write(self, name: str, data: bytes) -> None:
        (self.root / name).write_bytes(data)

    def delete(self, name: str) -> None:
        (self.root / name).unlink()

    def unfinished(self) -> list[str]:
        return [name for name in self.names() if not name.endswith(".gz")]


class Bucket:
    """A bucket of its own on a server, past our own code."""

    kind = "bucket"
    prefix = "raw/files"

    def __init__(self, address: str) -> None:
        self.address, self.name = address, f"ctem-{uuid.uuid4().hex}"
        self.client = boto3.client(
            "s3", endpoint_url=address, region_name=REGION,
            aws_access_key_id="tests", aws_secret_access_key="tests",
            config=Config(s3={"addressing_style": "path"}),
        )  # fmt: skip
        self.client.create_bucket(
            Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": REGION}
        )

    @property
    def url(self) -> str:
        """What CTEM_BLOBS says of it."""
        return f"s3://{self.name}/{self.prefix}?endpoint={self.address}&region={REGION}"

    def names(self) -> list[str]:
        listed = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        assert all(one["Key"].startswith(f"{self.prefix}/") for one in listed)
        return [one["Key"].removeprefix(f"{self.prefix}/") for one in listed]

    def head(self, name: str) -> dict:
        return self.client.head_object(Bucket=self.name, Key=f"{self.prefix}/{name}")

    def write(self, name: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=f"{self.prefix}/{name}", Body=data)

    def delete(self, name: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=f"{self.prefix}/{name}")

    def unfinished(self) -> list[str]:
        listed = self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])
        return [one["Key"] for one in listed]


def path_of(sha256: str) -> Path:
    """Where a stored file lies in the folder."""
    return Path(settings.MEDIA_ROOT) / blobs.name_of(sha256)


def use(settings, url: str) -> None:
    """Let stored files lie where ``url`` says, as CTEM_BLOBS would."""
    settings.STORAGES = settings.STORAGES | {"blobs": environment.blobs(url)}
