"""A pull request that is linked by its number, whatever its own words name."""

from datetime import timedelta

import pytest

from core.errors import BadInput, NotAllowed, WrongState
from core.models import Event
from forges.models import PullFinding, PullRequest
from forges.services.asking import link_pull, repository_of
from remediations.models import Remediation
from scopes.models import Line
from scopes.workloads import Claims, Workload
from tests import factories as make
from tests.forges.acme import propose
from tests.forges.codeql import SAFE
from tests.forges.connected import make_connection, make_repository

pytestmark = pytest.mark.django_db


def silent(acme, shop, **more):
    """A pull request that names nothing, and is a fix all the same."""
    acme.github.commit(shop, "quiet", {"app/pack.py": SAFE}, "Tidy", author="dana")
    return acme.github.open_pull(shop, "quiet", title="Tidy up", author="dana", **more)


def link(acme, shop, number, finding, by=None, at=None):
    return link_pull(
        repository=acme.repository(shop), number=number, findings=[finding],
        by=by or make.member(acme.scope, "developer"), at=at or make.now(),
    )  # fmt: skip


def test_a_pull_request_that_names_nothing_becomes_the_fix_it_is_linked_to(acme, shop):
    finding, pull = acme.finding(path="app/pack.py"), silent(acme, shop)
    acme.look()
    assert not Remediation.objects.exists()
    row = link(acme, shop, pull.number, finding)
    assert row.remediation is None  # the host is asked by the job
    acme.work()
    assert acme.failed() == []
    fix = Remediation.objects.get()
    row.refresh_from_db()
    assert (row.remediation, row.problem, list(fix.findings.all())) == (fix, "", [finding])
    assert fix.head_commit == pull.head_commit
    event = Event.objects.get(action="pull.linked")
    assert event.data["number"] == pull.number
    assert event.data["findings"] == [finding.pk]


def test_linked_twice_is_linked_once(acme, shop):
    finding, pull = acme.finding(path="app/pack.py"), silent(acme, shop)
    for _ in range(2):
        link(acme, shop, pull.number, finding)
        acme.work()
    assert (PullFinding.objects.count(), Remediation.objects.count()) == (1, 1)


def test_a_number_that_is_not_there_is_said_on_its_row(acme, shop):
    row = link(acme, shop, 4711, acme.finding(path="app/pack.py"))
    acme.work()
    row.refresh_from_db()
    assert row.remediation is None
    assert row.problem


def test_one_that_leads_to_another_branch_says_why_it_is_no_fix(acme, shop):
    acme.github.commit(shop, "side", {"y.py": "y = 1\n"}, "Side", author="dana")
    pull = silent(acme, shop, base="side")
    row = link(acme, shop, pull.number, acme.finding(path="app/pack.py"))
    acme.work()
    row.refresh_from_db()
    assert row.problem == "It leads to side, which is no line of this asset."


def test_a_link_that_was_committed_while_others_looked_is_not_lost(acme, shop):
    finding, pull = acme.finding(path="app/pack.py"), silent(acme, shop)
    asked_at = make.now() - timedelta(seconds=1)
    acme.look()  # began after the link was asked for, and could not see it
    link(acme, shop, pull.number, finding, at=asked_at)
    acme.work()
    assert list(Remediation.objects.get().findings.all()) == [finding]


def test_one_that_merged_as_another_fix_before_it_was_linked_says_so(acme, shop):
    pull, late = propose(acme, shop), acme.finding(path="app/ship.py")
    acme.look()
    acme.github.merge(pull)
    acme.look()
    fix, row = Remediation.objects.get(), link(acme, shop, pull.number, late)
    acme.work()
    row.refresh_from_db()
    assert row.problem.startswith(f"It had merged as {fix} before it was linked to {late}:")


def test_a_finding_of_another_line_is_said_beside_the_fix_of_this_one(acme, shop):
    pull, asset = propose(acme, shop), acme.repository(shop).asset
    line = Line.objects.create(asset=asset, scope=acme.scope, name="1.x", kind="release")
    code = make.code_of(line).change({"old.py": make.weak_file("old.py")})
    make.upload_and_ingest(asset, code, line=line)
    other = acme.finding(path="old.py")
    row = link(acme, shop, pull.number, other)
    acme.work()
    row.refresh_from_db()
    assert row.remediation is not None
    assert row.problem == f"It leads to main, and {other} is on 1.x."


def test_one_without_commits_says_so(acme, shop):
    acme.github.push(shop, "empty", shop.git.resolve("main"))
    pull = acme.github.open_pull(shop, "empty", title="To come", author="dana")
    row = link(acme, shop, pull.number, acme.finding(path="app/pack.py"))
    acme.work()
    row.refresh_from_db()
    assert row.problem == "It has no commits yet."


def test_a_run_of_a_pipeline_links_nothing(acme, shop):
    run, finding = make.member(acme.scope, "pipeline"), acme.finding(path="app/pack.py")
    told = Claims("https://token.actions.githubusercontent.com", "github-actions", "acme/shop")
    run.workload = Workload(1, finding.asset_id, acme.scope.pk, told)
    with pytest.raises(NotAllowed, match="A link is not for a run of a pipeline"):
        link(acme, shop, 1, finding, run)
    assert not PullFinding.objects.exists()


def test_only_open_findings_of_the_same_asset_are_linked_by_who_may_propose(acme, shop):
    finding = acme.finding(path="app/pack.py")
    other = make.import_finding(make.make_asset(acme.scope))
    with pytest.raises(BadInput, match="not of this repository"):
        link(acme, shop, 1, other)
    with pytest.raises(NotAllowed):
        link(acme, shop, 1, finding, make.member(acme.scope, "viewer"))
    with pytest.raises(BadInput):
        link(acme, shop, 0, finding)
    make.take("vanish", finding)
    finding.refresh_from_db()
    with pytest.raises(WrongState, match="only open findings"):
        link(acme, shop, 1, finding)
    assert not PullRequest.objects.exists()


def test_an_asset_of_no_or_several_repositories_says_so(scope):
    connection, _ = make_connection(scope)
    row = make_repository(connection)
    assert repository_of(row.asset) == row
    make_repository(connection, host_id="78", asset=row.asset)
    with pytest.raises(WrongState, match="Several"):
        repository_of(row.asset)
    with pytest.raises(WrongState, match="No connection"):
        repository_of(make.make_asset(scope))
