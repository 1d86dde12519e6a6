"""GitHub's messages: who signed one, what it is about, and what is refused."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from forges.hosts.github import GitHub
from forges.hosts.github_messages import is_signed, read_message
from tests.forges.fake_github import FakeGitHub
from tests.forges.fake_github_events import signed
from tests.forges.openapi.description import recorded_events

EVENTS = recorded_events()


@pytest.fixture(scope="module")
def world():
    """A world in which one of everything has happened."""
    with FakeGitHub(secret="right") as github:
        shop = github.add_repository("shop", {"app.py": "print(1)\n"})
        github.commit(shop, "fix", {"app.py": "print(2)\n"})
        pull = github.open_pull(shop, "fix")
        github.commit(shop, "fix", {"app.py": "print(3)\n"})
        github.dismiss(github.review(pull, "rita"))
        github.enqueue(pull)
        sha = github.merge(pull, "squash")
        github.add_analysis(shop, "refs/heads/main", sha, "CodeQL", b"{}")
        alert = github.add_alert(shop, "py/x", "app.py")
        github.dismiss_alert(alert, "dana")
        github.rename(shop, "store")
        yield github


def _delivery(world, event, action=""):
    found = [one for one in world.deliveries if one.event == event]
    return next(one for one in found if one.content.get("action", "") == action)


def _read(delivery, *secrets):
    host = GitHub(api="https://api.github.com", account="acme")  # needs no connection
    return host.read_message(delivery.lower, delivery.body, secrets or ["right"])


# --- signatures ----------------------------------------------------------------------------------
def test_a_message_that_is_signed_with_the_secret_is_read(world):
    delivery = _delivery(world, "pull_request", "opened")
    told = _read(delivery)
    assert told.delivery == delivery.headers["X-GitHub-Delivery"]
    assert (told.event, told.about, told.number) == ("pull_request", "pull", 1)
    assert told.repository == str(world.repositories["shop"].id)


@pytest.mark.parametrize(
    "signature",
    [
        None, "", "sha256=", "sha256", "sha1=" + "0" * 40, "sha256=" + "0" * 64, "sha256=ü", "ü" * 71,
        "sha256=\ud800", "sha256=\x00", "{good} ", " {good}", "{short}", "{bare}", "{good}0",
        "{good},{good}", "{upper}", "{sha1}",
    ],
)  # fmt: skip
def test_a_signature_that_is_not_the_right_one_is_none(world, signature):
    delivery = _delivery(world, "push")
    headers = delivery.lower
    good = headers.pop("x-hub-signature-256")
    made = {
        "{short}": good[:-1],
        "{bare}": good.removeprefix("sha256="),
        "{upper}": good.upper(),
        "{sha1}": "sha1=" + hmac.new(b"right", delivery.body, hashlib.sha1).hexdigest(),
    }
    if signature is not None:
        signature = made.get(signature, signature).replace("{good}", good)
        headers["x-hub-signature-256"] = signature
    assert read_message(headers, delivery.body, ["right"]) is None


@pytest.mark.parametrize("secrets", [[], ["wrong"], [""], ["Right"], ["right "], ["wrong", ""]])
def test_another_secret_or_none_reads_nothing(world, secrets):
    delivery = _delivery(world, "push")
    assert read_message(delivery.lower, delivery.body, secrets) is None


def test_an_empty_secret_signs_nothing():
    delivery = signed("", "ping", {})
    assert read_message(delivery.lower, delivery.body, [""]) is None


def test_while_a_secret_is_changed_both_are_taken(world):
    delivery = _delivery(world, "push")
    assert _read(delivery, "new", "right")
    assert _read(delivery, "right", "new")
    assert read_message(delivery.lower, delivery.body, ["new"]) is None


def test_the_bytes_are_signed_and_not_what_they_mean(world):
    delivery = _delivery(world, "push")
    again = json.dumps(json.loads(delivery.body)).encode()
    assert json.loads(again) == json.loads(delivery.body)
    assert read_message(delivery.lower, again, ["right"]) is None
    assert read_message(delivery.lower, delivery.body + b" ", ["right"]) is None
    assert read_message(delivery.lower, b"", ["right"]) is None


def test_a_secret_may_be_any_text():
    delivery = signed("schlüssel 🔑", "ping", {"zen": "x"})
    assert read_message(delivery.lower, delivery.body, ["schlüssel 🔑"])


@given(signature=st.text(max_size=80), body=st.binary(max_size=50))
def test_no_signature_that_is_made_up_is_taken_or_breaks_anything(signature, body):
    assert not is_signed(signature, body, ["right", "older"])


# --- what they are about -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("event", "action", "about"),
    [
        ("pull_request", "opened", "pull"),
        ("pull_request", "synchronize", "pull"),
        ("pull_request", "closed", "pull"),
        ("pull_request_review", "submitted", "pull"),
        ("pull_request_review", "dismissed", "pull"),
        ("push", "", "push"),
        ("code_scanning_alert", "created", "analysis"),
        ("code_scanning_alert", "closed_by_user", "analysis"),
        ("workflow_run", "completed", "analysis"),
        ("repository", "renamed", "repository"),
        ("merge_group", "checks_requested", "merge_group"),
    ],
)
def test_what_happens_in_the_world_is_told(world, event, action, about):
    told = _read(_delivery(world, event, action))
    assert (told.about, told.repository) == (about, str(world.repositories["shop"].id))
    assert told.number == (1 if about == "pull" else 0)


def test_a_push_names_its_branch_and_commit(world):
    delivery = _delivery(world, "push")
    content = delivery.content
    assert _read(delivery).fields == {"ref": "refs/heads/main", "after": content["after"]}


def test_a_merge_group_names_what_its_checks_run_on(world):
    told = _read(_delivery(world, "merge_group", "checks_requested"))
    assert told.fields["base_ref"] == "refs/heads/main"
    assert told.fields["head_ref"].startswith("refs/heads/gh-readonly-queue/main/pr-1-")
    shop = world.repositories["shop"]
    assert shop.git.resolve(told.fields["head_sha"])
    assert shop.git.resolve(told.fields["base_sha"])


def test_a_run_that_ended_names_branch_and_commit(world):
    told = _read(_delivery(world, "workflow_run", "completed"))
    assert told.fields["ref"] == "refs/heads/main"
    assert told.fields["commit"] == world.repositories["shop"].pulls[1].merge_commit


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_recorded_message_is_read(name):
    event = name.partition(".")[0]
    delivery = signed("right", event, EVENTS[name])
    told = _read(delivery)
    expected = {
        "pull_request": "pull", "pull_request_review": "pull", "push": "push",
        "code_scanning_alert": "analysis", "workflow_run": "analysis",
        "repository": "repository", "installation_repositories": "repository",
        "installation": "installation", "merge_group": "merge_group",
    }  # fmt: skip
    # The recorded check run is not of code scanning.
    assert told.about == expected.get(event, "nothing")
    several = event in ("installation_repositories", "installation")
    assert bool(told.repository) == (told.about != "nothing" and not several)


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        ("push", {"ref": "refs/tags/v1"}),
        ("push", {"after": "0" * 40, "deleted": True}),
        ("merge_group.checks_requested", {"action": "destroyed"}),
        ("workflow_run.completed", {"action": "requested"}),
        ("check_run.completed", {"action": "created"}),
        ("ping", {}),
        ("issue_comment.created", {}),
    ],
)
def test_what_moves_nothing_that_we_read_is_about_nothing(event, changes):
    content = {**EVENTS[event], **changes}
    told = _read(signed("right", event.partition(".")[0], content))
    assert (told.about, told.repository, told.number, dict(told.fields)) == ("nothing", "", 0, {})


def test_an_event_that_nobody_knows_yet_is_about_nothing():
    assert _read(signed("right", "something_new", {"action": "x"})).about == "nothing"


def _check_run(slug, app):
    content = json.loads(json.dumps(EVENTS["check_run.completed"]))
    content["check_run"]["app"] |= {"slug": slug, "id": app}
    content["check_run"]["check_suite"]["head_branch"] = "main"
    return signed("right", "check_run", content)


def test_code_scanning_s_own_check_run_tells_that_it_has_read_a_report():
    delivery = _check_run("github-advanced-security", 57789)
    told = _read(delivery)
    assert told.about == "analysis"
    assert told.fields["ref"] == "refs/heads/main"
    assert told.fields["commit"] == delivery.content["check_run"]["head_sha"]


@pytest.mark.parametrize(("slug", "app"), [("some-ci", 1), ("github-advanced-security", 4711)])
def test_check_runs_of_others_and_our_own_lamps_do_not_ring(slug, app):
    host = GitHub(api="https://api.github.com", account="acme", app_id="4711")
    delivery = _check_run(slug, app)
    assert host.read_message(delivery.lower, delivery.body, ["right"]).about == "nothing"


# --- what is refused -----------------------------------------------------------------------------
def _signed_bytes(body, event="push"):
    delivery = signed("right", event, {})
    signature = hmac.new(b"right", body, hashlib.sha256).hexdigest()
    return {**delivery.lower, "x-hub-signature-256": f"sha256={signature}"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"payload=%7B%7D", b"{", b"\xff", b"[]", b"null", b'"text"', b"NaN", b'{"a": Infinity}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_signed_body_that_is_no_json_object_is_refused(body):
    with pytest.raises(BadInput) as refused:
        read_message(_signed_bytes(body), body, ["right"])
    assert refused.value.where == "/"


@pytest.mark.parametrize(
    ("event", "path", "value", "where"),
    [
        ("pull_request.opened", ["pull_request"], None, "/pull_request/number"),
        ("pull_request.opened", ["pull_request", "number"], "1", "/pull_request/number"),
        ("pull_request.opened", ["pull_request", "number"], True, "/pull_request/number"),
        ("pull_request.opened", ["pull_request", "number"], -1, "/pull_request/number"),
        ("pull_request.opened", ["pull_request", "number"], 10**30, "/pull_request/number"),
        ("pull_request.opened", ["repository"], [], "/repository/id"),
        ("pull_request.opened", ["action"], 7, "/action"),
        ("push", ["ref"], {}, "/ref"),
        ("push", ["after"], ..., "/after"),
        ("code_scanning_alert.created", ["commit_oid"], ..., "/commit_oid"),
        ("merge_group.checks_requested", ["merge_group", "head_sha"], ..., "/merge_group/head_sha"),
        ("workflow_run.completed", ["workflow_run"], "x", "/workflow_run/head_branch"),
        ("check_run.completed", ["check_run", "app"], None, "/check_run/app/id"),
    ],
)
def test_a_signed_message_that_lacks_what_it_has_to_have_is_refused_with_the_place(
    event, path, value, where
):
    content = json.loads(json.dumps(EVENTS[event]))
    inner = content
    for name in path[:-1]:
        inner = inner[name]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    delivery = signed("right", event.partition(".")[0], content)
    with pytest.raises(BadInput) as refused:
        _read(delivery)
    assert refused.value.where == where


def test_a_message_without_a_repository_where_one_is_needed_names_none():
    content = {name: value for name, value in EVENTS["push"].items() if name != "repository"}
    with pytest.raises(BadInput) as refused:
        _read(signed("right", "push", content))
    assert refused.value.where == "/repository"


@pytest.mark.parametrize("header", ["x-github-delivery", "x-github-event"])
@pytest.mark.parametrize("value", [None, "", "x" * 101, "ü"])
def test_a_signed_message_without_its_headers_is_refused(world, header, value):
    delivery = _delivery(world, "push")
    headers = {**delivery.lower, header: value or ""}
    if value is None:
        del headers[header]
    with pytest.raises(BadInput) as refused:
        read_message(headers, delivery.body, ["right"])
    assert refused.value.where.lower() == header


def test_texts_that_no_database_holds_are_cleaned():
    content = {**EVENTS["push"], "ref": "refs/heads/a\0b\ud800"}
    assert _read(signed("right", "push", content)).fields["ref"] == "refs/heads/a\ufffdb\ufffd"


def test_what_is_not_signed_is_not_even_parsed():
    assert read_message({"x-hub-signature-256": "sha256=0"}, b"[" * 100_000, ["right"]) is None
