"""Which classes of tools looked at an asset, and where a look is missing: the list and each asset agree."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.permissions import Role
from findings.models import Series
from scans.models import Scan
from scans.services.coverage import Why, assets_with_gaps, coverage_of
from scans.statuses import ScanState
from scopes.models import Asset, AssetKind, Line
from scopes.services.settings import change_scope
from tests.code import facts_of, sarif_of
from tests.factories import (
    add_member,
    code_of,
    default_line,
    make_asset,
    make_scope,
    member,
    now,
    run_job,
    upload,
    upload_and_ingest,
)

pytestmark = pytest.mark.django_db


def look(asset, tool_class="sast", **more):
    """Scan the default line with a tool of this class."""
    code = code_of(default_line(asset)).committed_as(f"{tool_class} {Scan.objects.count()}")
    report = sarif_of(code)
    report["runs"][0]["tool"]["driver"]["name"] = f"{tool_class}-tool"
    line = more.pop("line", None)
    return upload_and_ingest(
        asset, report, {**facts_of(code), "tool_class": tool_class, **more}, line=line
    )


def fail(asset, **facts):
    return run_job(upload(asset, b"no report", facts)[0])


def gaps(asset, at=None):
    asset = Asset.objects.select_related("scope").get(pk=asset.pk)
    (told,) = coverage_of([asset], at=at or now())
    return {gap.tool_class: gap.why.value for gap in told.gaps}


def listed(scope, at=None):
    return set(assets_with_gaps(member(scope, Role.VIEWER), at=at or now()))


def expect(scope, *classes, days=30):
    change_scope(scope=scope, by=None, at=now(), expected_classes=classes, fresh_days=days)


def test_an_asset_that_nothing_looked_at_lacks_what_its_kind_is_expected_to_have(scope):
    told = {kind: gaps(make_asset(scope, kind=kind.value)) for kind in AssetKind}
    assert {kind: set(found) for kind, found in told.items()} == {
        AssetKind.REPOSITORY: {"sast", "sca", "secrets"},
        AssetKind.SERVICE: {"dast"},
        AssetKind.HOST: {"dast"},
        AssetKind.IMAGE: {"container"},
        AssetKind.CLOUD_ACCOUNT: {"cloud"},
    }
    assert {why for found in told.values() for why in found.values()} == {"never"}
    assert listed(scope) == set(Asset.objects.all())


def test_a_scope_says_itself_what_it_expects_where_a_class_fits(scope, asset):
    service = make_asset(scope, kind="service")
    expect(scope, "sast", "dast")
    assert gaps(asset) == {"sast": "never", "dast": "never"}
    assert gaps(service) == {"dast": "never"}
    expect(scope, "container")
    assert gaps(service) == {} and listed(scope) == {asset}


def test_a_look_covers_until_it_is_old(scope, asset):
    expect(scope, "sast", days=7)
    scan = look(asset)
    assert gaps(asset) == {} and listed(scope) == set()
    later = now() + timedelta(days=8)
    assert gaps(asset, later) == {"sast": "old"} and listed(scope, later) == {asset}
    (told,) = coverage_of([Asset.objects.select_related("scope").get(pk=asset.pk)], at=later)
    (seen,) = told.looks
    assert (seen.scan, seen.line, seen.scan.commit, seen.tool) == (
        scan, default_line(asset), scan.commit, "sast-tool")  # fmt: skip
    assert told.gaps[0].last == seen
    look(asset)
    assert gaps(asset) == {}


def test_a_look_at_another_line_or_by_another_class_covers_nothing(scope, asset):
    expect(scope, "sast", "sca")
    release = Line.objects.create(asset=asset, scope=scope, name="1.x", kind="release")
    look(asset, line=release)
    assert gaps(asset) == {"sast": "never", "sca": "never"}
    look(asset, "sca")
    assert gaps(asset) == {"sast": "never"} and listed(scope) == {asset}


def test_a_scan_of_a_change_is_no_look_at_the_whole(scope, asset):
    expect(scope, "sast")
    look(asset, scope="diff")
    assert gaps(asset) == {"sast": "never"} and listed(scope) == {asset}
    whole = look(asset)
    assert gaps(asset) == {} and listed(scope) == set()
    look(asset, scope="diff")
    assert gaps(asset) == {} and listed(scope) == set()
    Scan.objects.filter(pk=whole.pk).update(finished_at=now() - timedelta(days=31))
    assert gaps(asset) == {"sast": "old"} and listed(scope) == {asset}


def test_a_scan_that_does_not_say_what_it_is_of_counts(scope, asset):
    expect(scope, "sast")
    scan = look(asset)
    facts = {name: value for name, value in scan.facts.items() if name != "scope"}
    Scan.objects.filter(pk=scan.pk).update(facts=facts)
    assert gaps(asset) == {} and listed(scope) == set()


def test_a_last_scan_that_failed_is_a_gap_until_one_succeeds(scope, asset):
    expect(scope, "sast")
    look(asset)
    failed = fail(asset, tool_class="sast")
    assert failed.state == ScanState.FAILED
    assert gaps(asset) == {"sast": "failed"} and listed(scope) == {asset}
    (told,) = coverage_of([Asset.objects.select_related("scope").get(pk=asset.pk)], at=now())
    assert (told.gaps[0].scan, told.gaps[0].why) == (failed, Why.FAILED)
    look(asset)
    assert gaps(asset) == {} and listed(scope) == set()


def test_a_scan_of_nobody_knows_what_class_that_failed_is_a_gap_until_any_succeeds(scope, asset):
    expect(scope, "sast")
    look(asset)
    fail(asset)
    assert gaps(asset) == {"": "failed"} and listed(scope) == {asset}
    look(asset, "sca")
    assert gaps(asset) == {} and listed(scope) == set()


def test_of_scans_that_failed_the_last_of_a_class_alone_is_read(asset, monkeypatch):
    last = [fail(asset, tool_class="sast", commit=char * 40) for char in "abc"][-1]
    read, from_db = [], Scan.from_db

    def told(*row):
        read.append(from_db(*row))
        return read[-1]

    monkeypatch.setattr(Scan, "from_db", told)
    assert gaps(asset)["sast"] == "failed"
    assert read == [last]


def test_each_scope_has_its_own_days_and_classes(scope, asset):
    other = make_asset(make_scope())
    viewer = member(scope, Role.VIEWER)
    add_member(other.scope, viewer, Role.VIEWER)
    expect(scope, "sast", days=7)
    expect(other.scope, "sast", "sca", days=60)
    for one in (asset, other):
        look(one)
    look(other, "sca")
    later = now() + timedelta(days=30)
    assert set(assets_with_gaps(viewer, at=later)) == {asset}
    assert set(assets_with_gaps(viewer, at=later, scope=other.scope)) == set()


def test_nobody_sees_gaps_of_others(scope, asset, outsider):
    assert set(assets_with_gaps(outsider, at=now())) == set()


def test_the_list_and_each_asset_agree_over_many(scope):
    expect(scope, "sast", "sca")
    assets = [make_asset(scope) for _ in range(5)]
    look(assets[0])
    look(assets[1])
    look(assets[1], "sca")
    look(assets[2], "sca", scope="diff")
    fail(assets[3], tool_class="sca")
    for days in (0, 31):
        at = now() + timedelta(days=days)
        rows = list(Asset.objects.select_related("scope"))
        assert listed(scope, at) == {row.asset for row in coverage_of(rows, at=at) if row.gaps}


@pytest.mark.parametrize("number", [1, 12])
def test_the_statements_do_not_grow_with_the_assets(scope, number):
    for n in range(number):
        asset = make_asset(scope)
        scan = look(asset, scope="diff" if n % 2 else "full")
        assert Series.objects.filter(last_scan_id=scan.pk).exists()
    rows = list(Asset.objects.select_related("scope"))
    with CaptureQueriesContext(connection) as queries:
        coverage_of(rows, at=now())
    assert len(queries) <= 6
    viewer = member(scope, Role.VIEWER)
    with CaptureQueriesContext(connection) as queries:
        assets_with_gaps(viewer, at=now()).count()
    assert len(queries) == 2
