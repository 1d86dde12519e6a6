"""What is missing or wrong in the environment is named, with what is expected; its value is not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from ctem import environment

ROOT = Path(__file__).resolve().parents[2]
CANARY = "s3cr3t-c4n4ry"
FIT = {
    "CTEM_PRODUCTION": "true",
    "CTEM_HTTPS": "true",
    "CTEM_ALLOWED_HOSTS": "ctem.example.org",
    "CTEM_PUBLIC_URL": "https://ctem.example.org",
    "CTEM_SECRET_KEY": "k" * 50,
    "DATABASE_URL": f"postgres://ctem:{CANARY}@db.internal/ctem",
    "CTEM_BROKER_URL": f"redis://:{CANARY}@broker.internal/0",
}


READ = "from django.conf import settings; settings.DEBUG; print('fit')"


def start(tmp_path, code=READ, **environ):
    """Read the settings as any process does first; return its status and all that it said."""
    others = ("CTEM_", "DATABASE", "AWS_")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
        env={**ours, "DJANGO_SETTINGS_MODULE": "ctem.settings",
             "CTEM_DATA_DIR": str(tmp_path), **environ},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_without_a_variable_the_embedded_mode_starts(tmp_path):
    assert start(tmp_path) == (0, "fit\n")


def test_a_fit_environment_is_production(tmp_path):
    assert start(tmp_path, **FIT) == (0, "fit\n")


def test_everything_that_production_lacks_is_named_at_once(tmp_path):
    status, said = start(tmp_path, CTEM_PRODUCTION="1", CTEM_ALOWED_HOSTS="x", CTEM_DEBUG="1")
    assert status == 1
    for words in (
        "DATABASE_URL is not set: postgres://USER:PASSWORD@HOST/NAME",
        "CTEM_BROKER_URL is not set: redis://",
        "CTEM_SECRET_KEY is not set: at least 50 random characters",
        "CTEM_ALLOWED_HOSTS is not set:",
        "CTEM_PUBLIC_URL is not set: where people and code hosts find it: https://",
        "CTEM_HTTPS is off: true is expected",
        "CTEM_DEBUG is on",
        "CTEM_ALOWED_HOSTS is no setting; did you mean CTEM_ALLOWED_HOSTS?",
    ):
        assert words in said


NOT_FIT = {
    "CTEM_ALLOWED_HOSTS": ("*", "CTEM_ALLOWED_HOSTS allows any name"),
    "CTEM_SECRET_KEY": (CANARY, "CTEM_SECRET_KEY is too short: at least 50"),
    "DATABASE_URL": (f"sqlite:////tmp/{CANARY}.sqlite3", "DATABASE_URL is SQLite"),
    "CTEM_BROKER_URL": (f"embedded:///tmp/{CANARY}", "CTEM_BROKER_URL is the embedded queue"),
}


@pytest.mark.parametrize("name", NOT_FIT)
def test_what_is_good_for_trying_out_only_is_refused_in_production(tmp_path, name):
    value, words = NOT_FIT[name]
    status, said = start(tmp_path, **{**FIT, name: value})
    assert (status, words in said, CANARY in said) == (1, True, False)


WRONG = {
    "DATABASE_URL": (f"mysql://u:{CANARY}@h/x", "DATABASE_URL: postgres://USER:PASSWORD@HOST/NAME"),
    "CTEM_BROKER_URL": (f"kafka://{CANARY}/", "CTEM_BROKER_URL: redis://"),
    "CTEM_METRICS_TOKEN": (CANARY, '"CTEM_METRICS_TOKEN" invalid: [\'at least 32 characters'),
    "CTEM_PUBLIC_URL": (f"ftp://{CANARY}", "an address as https://ctem.example.org is expected"),
    "CTEM_JOB_LEASE_SECONDS": ("0", '"CTEM_JOB_LEASE_SECONDS" invalid: [\'a whole number'),
    "CTEM_JOB_SWEEP_SECONDS": ("soon", '"CTEM_JOB_SWEEP_SECONDS" invalid: Not a valid integer'),
    "CTEM_HTTPS": ("perhaps", '"CTEM_HTTPS" invalid: Not a valid boolean'),
    "CTEM_LOG_LEVEL": ("LOUD", "Must be one of: DEBUG, INFO"),
    "CTEM_LOG_FORMAT": ("xml", "Must be one of: text, json"),
    "CTEM_CACHE_URL": (f"memcached://{CANARY}/", "CTEM_CACHE_URL: redis://HOST:6379/1"),
    "CTEM_PROXIES": ("-1", '"CTEM_PROXIES" invalid: [\'a whole number'),
    "CTEM_API_RATE_USER": ("many", "a rate as 60/min is expected"),
    "CTEM_BLOBS": (
        f"s3://{CANARY}:{CANARY}@host/",
        "CTEM_BLOBS: s3://BUCKET/PREFIX?endpoint=https://",
    ),
    "AWS_ACCESS_KEY_ID": (CANARY, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: both are expected"),
    "CTEM_RUNNER_ISOLATION": ("maybe", "Must be one of: auto, required"),
}


BESIDE = {"AWS_ACCESS_KEY_ID": {"CTEM_BLOBS": "s3://ctem-raw"}}


@pytest.mark.parametrize("name", WRONG)
def test_a_variable_that_is_wrong_is_named_with_what_is_expected(tmp_path, name):
    value, words = WRONG[name]
    status, said = start(tmp_path, **{**BESIDE.get(name, {}), name: value})
    assert status == 1
    assert name in said
    assert words in said
    assert CANARY not in said


@pytest.mark.parametrize(
    "url", ["", "nonsense", "postgres://u:p@h:port/x", "postgres://u:p@h", "mssql://u:p@h/x"]
)
def test_an_address_that_is_no_database_of_ours_is_refused(url):
    with pytest.raises(ImproperlyConfigured, match=r"DATABASE_URL: postgres://"):
        environment.database(url)


def test_what_the_address_of_the_database_says_of_tls_is_kept():
    found = environment.database("postgres://u:p@h/x?sslmode=verify-full&sslrootcert=/ca.pem")
    assert found["OPTIONS"] == {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}


NO_KEYS: dict[str, str] = {}
BUCKETS = {
    "s3://ctem-raw": {"bucket_name": "ctem-raw", "location": ""},
    "s3://ctem-raw/a/b.c/?region=eu-central-1": {
        "bucket_name": "ctem-raw", "location": "a/b.c", "region_name": "eu-central-1",
    },
    "s3://raw/?endpoint=https://minio.internal:9000": {
        "bucket_name": "raw", "location": "", "endpoint_url": "https://minio.internal:9000",
        "addressing_style": "path",
    },
    "s3://raw?addressing=virtual&endpoint=https%3A%2F%2Fs3.example.org%2Fpath": {
        "bucket_name": "raw", "location": "", "endpoint_url": "https://s3.example.org/path",
        "addressing_style": "virtual",
    },
}  # fmt: skip


@pytest.mark.parametrize("url", BUCKETS)
def test_the_address_of_a_bucket_is_taken_apart(url):
    found = environment.blobs(url, NO_KEYS)
    assert found == {"BACKEND": "core.blob_bucket.BlobBucket", "OPTIONS": BUCKETS[url]}


@pytest.mark.parametrize(
    "url",
    ["/srv/blobs", "file:///srv/blobs", "https://ctem-raw.s3.amazonaws.com/", "s3:ctem-raw", "s3://",
     "s3://a", "s3://key:secret@ctem-raw/x", "s3://ctem-raw:9000/x", "s3://ctem-raw/../x",
     "s3://ctem-raw/a//b", "s3://ctem-raw/a b", "s3://ctem-raw/x#y", "s3://ctem-raw/?endpoint",
     "s3://ctem-raw/?endpoint=", "s3://ctem-raw/?endpoint=minio:9000",
     "s3://ctem-raw/?endpoint=ftp://minio", "s3://ctem-raw/?endpoint=https://k:s@minio",
     "s3://ctem-raw/?endpoint=https://minio?x=y", "s3://ctem-raw/?region=EU Central",
     "s3://ctem-raw/?region=a&region=b", "s3://ctem-raw/?secret_key=x", "s3://ctem-raw/?addressing=dns",
     "s3://[ctem-raw/"],
)  # fmt: skip
def test_an_address_that_is_no_bucket_is_refused(url):
    with pytest.raises(ImproperlyConfigured, match=r"CTEM_BLOBS: s3://BUCKET/PREFIX") as refused:
        environment.blobs(url, NO_KEYS)
    assert "secret@" not in str(refused.value)


def test_a_bucket_is_named_in_production_by_its_address_and_its_program_is_read_then_alone(
    tmp_path,
):
    code = (
        "from django.core.files.storage import storages; from django.conf import settings; import sys;"
        "before = 'boto3' in sys.modules; kind = type(storages['blobs']).__name__;"
        "print(before, kind, 'boto3' in sys.modules)"
    )
    for url, said in (("", "False BlobFolder False"), ("s3://ctem-raw", "False BlobBucket True")):
        assert start(tmp_path, code, **FIT, CTEM_BLOBS=url) == (0, f"{said}\n")


def test_every_setting_of_the_environment_is_in_the_documentation():
    page = (ROOT / "docs" / "operations.md").read_text()
    files = ("ctem/settings.py", "ctem/logs.py", "gunicorn.conf.py")
    code = "".join((ROOT / name).read_text() for name in files)
    names = set(re.findall(r"CTEM_[A-Z_]*[A-Z]", code))
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
