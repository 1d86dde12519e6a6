"""Webhook messages of GitLab: trusted by token or signature, read for what they are about."""

import base64
import json

import pytest

from core.errors import BadInput
from forges.hosts.gitlab import GitLab
from tests.forges.fake_gitlab_world import World

FILES = {"app.py": "x = 1\n"}
SIGNING = "whsec_" + base64.b64encode(b"k" * 32).decode()
HOST = GitLab(api="https://gitlab.example/api/v4", account="acme", token="unused")
PUSH = {"object_kind": "push", "project_id": 1, "ref": "refs/heads/main", "after": "a" * 40}
PULL = {"object_kind": "merge_request", "project": {"id": 1}, "object_attributes": {"iid": 1}}
PIPELINE = {"object_kind": "pipeline", "project": {"id": 1}}


def read(delivery, *secrets):
    return HOST.read_message(*delivery, secrets)


def signed(secret, body, **headers):
    return {"x-gitlab-token": secret, "x-gitlab-event-uuid": "u", **headers}, body


@pytest.fixture(params=["of the hook", SIGNING], ids=["token", "signature"])
def world(request, tmp_path):
    return World(tmp_path, secret=request.param)


def test_what_happens_in_a_project_is_told(world):
    project = world.add_project("shop", FILES)
    commit = world.push(project, {"app.py": "x = 2\n"}, branch="fix")
    pull = world.open_merge_request(project, "fix")
    world.approve(pull, "approver")
    world.unapprove(pull, "approver")
    world.add_report(project, "refs/heads/fix", commit, report={})
    world.add_report(project, "refs/merge-requests/1/head", commit, report={}, status="running")
    world.merge(pull)
    said = [read(delivery, "older", world.secret) for delivery in world.deliveries]
    assert [(one.about, one.repository, one.number) for one in said] == [
        ("repository", str(project.id), 0),
        ("push", str(project.id), 0),
        ("pull", str(project.id), 1),
        ("pull", str(project.id), 1),
        ("pull", str(project.id), 1),
        ("analysis", str(project.id), 0),
        ("nothing", "", 0),
        ("pull", str(project.id), 1),
    ]
    assert said[1].fields == {"ref": "refs/heads/fix", "before": "0" * 40, "commit": commit}
    assert said[5].fields == {"ref": "refs/heads/fix", "commit": commit}
    actions = [one.fields.get("action") for one in said if one.about == "pull"]
    assert actions == ["open", "approved", "unapproved", "merge"]
    assert len({one.delivery for one in said}) == len(said)
    assert said[2].event == "Merge Request Hook"


def test_nobody_elses_message_is_read(world):
    world.add_project("shop", FILES)
    (delivery,) = world.deliveries
    assert read(delivery) is None
    assert read(delivery, "", "another", "whsec_broken!", "whsec_") is None
    headers, body = delivery
    proofs = {name for name in headers if "signature" in name or "token" in name}
    forged = {**headers, **{name: headers[name][:-3] + "AA=" for name in proofs}}
    assert read((forged, body), world.secret) is None
    assert read(({}, body), world.secret) is None


def test_a_signed_message_that_was_changed_is_not_read(tmp_path):
    world = World(tmp_path, secret=SIGNING)
    world.add_project("shop", FILES)
    ((headers, body),) = world.deliveries
    assert read((headers, body + b" "), SIGNING) is None
    assert read(({**headers, "webhook-timestamp": "1"}, body), SIGNING) is None
    assert read(({**headers, "webhook-id": ""}, body), SIGNING) is None
    several = f"v1a,x {headers['webhook-signature']}"
    assert read(({**headers, "webhook-signature": several}, body), SIGNING)


def test_a_signing_key_is_no_token_and_nothing_is_no_secret():
    assert read(signed(SIGNING, b"{}"), SIGNING) is None
    assert read(signed("", b"{}"), "") is None


def test_a_message_that_comes_again_has_the_same_name_and_another_one_not():
    one, two = b'{"object_kind": "note"}', b'{"object_kind": "note", "x": 1}'
    assert read(signed("s", one), "s").delivery == read(signed("s", one), "s").delivery
    assert read(signed("s", one), "s").delivery != read(signed("s", two), "s").delivery
    assert read(signed("s", one, **{"idempotency-key": "k"}), "s").delivery == "k"


def test_a_job_that_is_over_is_about_a_scan():
    job = {"object_kind": "build", "project_id": 5, "ref": "v1", "tag": True, "sha": "a" * 40}
    over = read(signed("s", json.dumps({**job, "build_status": "success"}).encode()), "s")
    assert (over.about, over.repository, over.fields["ref"]) == ("analysis", "5", "refs/tags/v1")
    runs = read(signed("s", json.dumps({**job, "build_status": "running"}).encode()), "s")
    assert runs.about == "nothing"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"nonsense", "body"),
        (b"\xff", "body"),
        (b"[" * 100_000, "body"),
        (b"[]", "body"),
        ({"object_kind": 1}, "/object_kind"),
        ({**PUSH, "project_id": None}, "/project_id"),
        ({**PUSH, "ref": ""}, "/ref"),
        ({**PULL, "object_attributes": None}, "/object_attributes"),
        ({**PULL, "project": {"id": True}}, "/project/id"),
        ({**PULL, "object_attributes": {"iid": -1}}, "/object_attributes/iid"),
        ({**PIPELINE, "object_attributes": {"status": "success", "ref": "r"}}, "/object_attributes/sha"),
        ({"event_name": "project_create"}, "/project_id"),
    ],
)  # fmt: skip
def test_a_trusted_message_that_cannot_be_read_is_refused_with_its_place(body, where):
    given = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(BadInput) as caught:
        read(signed("s", given), "s")
    assert caught.value.where == where
