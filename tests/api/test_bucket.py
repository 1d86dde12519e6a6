"""Stored files in a bucket, from the doors' side: in, read, out and proven; and what a bucket that is gone does."""

import gzip
import io

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from core import blobs
from core.models import Blob, Job, JobState
from ctem import jobs as worker_jobs
from findings.models import Finding
from scans.models import Scan
from scans.statuses import ScanState
from scopes.services import issue_token
from tests import buckets
from tests import factories as make
from tests.api.bodies import upload_body
from tests.api.conftest import V1
from tests.code import sarif_of
from tests.factories import code_of


@pytest.fixture
def bucket(bucket, settings):
    """The bucket of the test, and the folder of static files that WhiteNoise asks for."""
    settings.STATIC_ROOT.mkdir()
    return bucket


CHECKS = ("database", "migrations", "broker", "storage", "bucket")


def next_of(line):
    return code_of(line).committed_as("next")


def proven():
    """What closure_fsck says, or names."""
    out = io.StringIO()
    try:
        call_command("closure_fsck", stdout=out)
    except CommandError:
        return False, out.getvalue()
    return True, out.getvalue()


def test_a_report_comes_in_is_read_leaves_and_is_proven_in_a_bucket(
    bucket, world, api, worker, settings
):
    """With it all that ``world`` stored: reports, diffs, recipes, what its certificate was judged by."""
    pipeline = api(world.pipeline)
    body = upload_body(world.asset, next_of(world.line), line="main")
    answer = pipeline.post("scans/", body, headers={"Prefer": "wait=5"})
    assert (answer.status_code, answer.json()["state"]) == (201, "done")
    scan = Scan.objects.get(pk=answer.json()["id"])
    raw = pipeline.get(f"scans/{scan.pk}/raw/")
    assert raw.content == blobs.load(scan.raw_id)
    assert len(raw.content) == scan.raw.size
    bundle = api(world.viewer).get(f"clearances/{world.clearance.pk}/certificate/?format=bundle")
    assert bundle.content.startswith(b"PK")
    stored = Blob.objects.values_list("pk", flat=True)
    assert sorted(bucket.names()) == sorted(map(blobs.name_of, stored))
    assert not list(settings.MEDIA_ROOT.rglob("*.gz"))
    assert proven()[0]

    for spoil in (bucket.delete, lambda name: bucket.write(name, gzip.compress(b"forged"))):
        kept = blobs.name_of(scan.raw_id)
        spoil(kept)
        holds, said = proven()
        assert not holds
        assert f"file {scan.raw_id}: cannot be read as it was stored" in said


@pytest.fixture
def gone(bucket, world, settings):
    """The bucket does not answer any more, from here on."""
    nowhere = f"s3://{bucket.name}?endpoint=http://127.0.0.1:{buckets.free_port()}"
    return lambda: buckets.use(settings, nowhere)


def test_a_bucket_that_does_not_answer_refuses_uploads_and_is_named(gone, world, api):
    _, key = issue_token(user=world.pipeline, by=world.pipeline, name="x", at=make.now())
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert client.get("/readyz").json()["checks"] == dict.fromkeys(CHECKS, "ok")
    body = upload_body(world.asset, next_of(world.line), line="main")
    before = Scan.objects.count(), Blob.objects.count()
    gone()
    answer = client.post(f"{V1}/scans/", body, format="json")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:ctem:problem:unavailable")
    assert (
        answer.json()["detail"] == "The bucket of stored files does not answer now. Try it again."
    )
    assert (Scan.objects.count(), Blob.objects.count()) == before
    assert client.get(f"{V1}/scans/{world.scan.pk}/raw/").status_code == 503
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["bucket"] == "does not answer, or does not let us in"
    assert ready.json()["checks"]["storage"] == "ok"


def test_jobs_wait_for_a_bucket_and_are_not_given_up(gone, bucket, world, settings):
    asset = make.make_asset(world.scope)
    scan, _ = make.upload(asset, sarif_of(next_of(world.line)), {"scope": "full"})
    job = Job.objects.get(subject_id=scan.pk, kind="ingest")
    gone()
    for _ in range(settings.JOB_MAX_ATTEMPTS + 2):
        Job.objects.filter(pk=job.pk).update(next_attempt_at=make.now())
        assert worker_jobs.run(job.pk)
    worker_jobs.sweep()
    job.refresh_from_db()
    assert (job.state, job.error) == (
        JobState.QUEUED, "The bucket of stored files does not answer now. Try it again.",
    )  # fmt: skip
    assert job.next_attempt_at > make.now()
    buckets.use(settings, bucket.url)
    Job.objects.filter(pk=job.pk).update(next_attempt_at=make.now())
    assert make.run_job(scan).state == ScanState.DONE
    assert Finding.objects.filter(asset=asset).exists()
