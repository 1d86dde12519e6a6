"""Weights are put in force by who administers the scope, tried before, and each priority is kept as it was."""

import pytest
from django.core.management import CommandError, call_command

from core.errors import BadInput, NotAllowed, WrongState
from core.models import Event
from findings.management.commands.priority_doc import document
from findings.models import Finding, PriorityChange
from findings.services.priority_policies import (
    priority_versions,
    put_priority_policy_in_force,
    try_priority_policy,
)
from findings.weights import DEFAULT
from scopes.models import PriorityPolicy
from tests import factories as make

FLAT = (
    DEFAULT.to_toml()
    .replace('"default"', '"flat"')
    .replace("critical = 60", "critical = 20")
    .replace("high = 45", "high = 20")
    .replace("medium = 25", "medium = 20")
    .encode()
)


@pytest.fixture
def finding(files, db):
    return make.import_finding(weakness="shell=True")


def put(finding, toml, **more):
    admin = make.member(finding.scope, "admin")
    return put_priority_policy_in_force(
        scope=finding.scope, toml=toml, by=admin, at=make.now(), **more
    )


def test_weights_count_for_the_findings_that_are_there(finding):
    before = finding.priority_score
    run = put(finding, FLAT)
    finding.refresh_from_db()
    assert run.changed == 1 and finding.priority_score == before - 25
    assert finding.priority.told["weights"] == "flat"
    change = PriorityChange.objects.get()
    assert (change.cause, change.until_then.told["score"]) == ("policy", before)
    events = Event.objects.filter(scope_id=finding.scope_id).order_by("-pk")[:2]
    assert [event.action for event in events] == [
        "priorities.rescored",
        "scope.priority_policy_set",
    ]


def test_a_dry_run_counts_what_would_move_and_writes_nothing(finding):
    admin = make.member(finding.scope, "admin")
    events = Event.objects.count()
    told = try_priority_policy(scope=finding.scope, toml=FLAT, by=admin)
    assert (told.looked_at, told.changed, told.moved, told.left) == (1, 1, 1, 0)
    assert told.bands == {f"{finding.priority_band} to P4": 1}
    assert Event.objects.count() == events and not PriorityPolicy.objects.exists()
    finding.refresh_from_db()
    assert finding.priority.told["weights"] == "default"


def test_versions_are_told_newest_first_and_the_default_can_come_back(finding):
    put(finding, FLAT)
    put(finding, DEFAULT.to_toml().encode())
    finding.scope.refresh_from_db()
    told = priority_versions(finding.scope)
    assert [version.name for version in told] == ["default", "flat", "default"]
    assert told[0].until is None and told[1].until == told[0].since and told[2].since is None


def test_refusals(finding):
    with pytest.raises(NotAllowed):
        put_priority_policy_in_force(
            scope=finding.scope, toml=FLAT, by=make.member(finding.scope, "approver"), at=make.now()
        )
    with pytest.raises(NotAllowed):
        try_priority_policy(scope=finding.scope, toml=FLAT, by=make.member(finding.scope, "viewer"))
    with pytest.raises(BadInput, match="is not TOML"):
        put(finding, b"[")
    with pytest.raises(WrongState, match="already"):
        put(finding, DEFAULT.to_toml().encode())
    with pytest.raises(WrongState, match="meanwhile"):
        put(finding, FLAT, replaces="sha256:0")
    put(finding, FLAT, replaces=DEFAULT.digest)
    finding.scope.refresh_from_db()
    with pytest.raises(WrongState, match="means other weights"):
        put(finding, FLAT.replace(b"low = 10", b"low = 9"))
    assert Finding.objects.get().scope.priority_policy.toml == FLAT.decode()


# --- the document --------------------------------------------------------------------------------
def test_the_document_is_what_the_code_says(settings, tmp_path, capsys):
    call_command("priority_doc", "--check")
    settings.BASE_DIR = tmp_path
    with pytest.raises(CommandError):
        call_command("priority_doc", "--check")
    call_command("priority_doc", "--write")
    call_command("priority_doc", "--check")
    assert "| severity | critical 60, high 45, medium 25, low 10 |" in document()
    assert "| active | yes | total | attend | act | act |" in document()
