"""Reports of assets that nobody told us of: kept whole, placed or rejected once, never lost."""

import json
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction

from core import blobs
from core.errors import BadInput, NotAllowed, TooLarge, WrongState
from core.events import broken_links
from core.models import Event, Job
from core.permissions import Role
from findings.models import Finding
from scans.inbox import InboxReport
from scans.models import Scan
from scans.services import inbox
from scans.services.inbox import (
    keep_report,
    name_of,
    place_on_new_asset,
    place_report,
    reject_report,
)
from scopes.models import Asset, AssetAlias, Line
from scopes.services import add_pipeline_identity
from scopes.services.links import find_asset
from tests.code import Code, facts_of, sarif_of
from tests.factories import (
    add_member,
    make_asset,
    make_scope,
    make_user,
    member,
    now,
    run_job,
    weak_file,
)
from tests.issuer import issuing
from tests.scans.test_attested import client_of, workload_of

pytestmark = pytest.mark.django_db
CODE = Code({"app/a.py": weak_file("app/a.py")})


def keep(scope, code=CODE, **told):
    by = told.pop("by", None) or member(scope, Role.PIPELINE)
    facts = told.pop("facts", None)
    names = told or {"asset_name": "shop"}
    report, _ = keep_report(
        scope=scope, data=json.dumps(sarif_of(code)).encode(),
        facts=facts_of(code) if facts is None else facts, by=by, at=now(), **names,
    )  # fmt: skip
    return report


def test_a_report_is_kept_whole_with_who_sent_it(scope, pipeline):
    report = keep(scope, asset_name="shop", line="main")
    assert json.loads(blobs.load(report.raw_id)) == sarif_of(CODE)
    assert (report.state, report.created_by, report.line) == ("waiting", pipeline, "main")
    assert report.facts["commit"] == CODE.commit
    assert report.facts["uploader"] == pipeline.username
    event = Event.objects.latest("pk")
    assert (event.action, event.subject_id) == ("inbox.received", report.pk)
    assert not Scan.objects.exists() and not Job.objects.exists()


def test_the_same_bytes_and_facts_twice_are_one_entry_whatever_became_of_it(scope, admin):
    facts = facts_of(CODE)
    first = keep(scope, facts=facts)
    assert keep(scope, facts=facts) == first
    assert keep(scope, facts={}) != first
    assert keep(scope, facts=facts, asset_name="other") != first
    reject_report(report=first, reason="Not ours.", by=admin, at=now())
    assert keep(scope, facts=facts) == first
    assert InboxReport.objects.count() == 3
    assert keep(make_scope()).scope != scope


@pytest.mark.parametrize("role", [Role.VIEWER, Role.TICKETING])
def test_who_may_not_upload_leaves_nothing(scope, role):
    with pytest.raises(NotAllowed):
        keep(scope, by=member(scope, role))
    assert not InboxReport.objects.exists()


def test_what_cannot_be_kept_is_refused(scope, pipeline, settings):
    def send(data=b"x", **more):
        keep_report(scope=scope, data=data, facts={}, by=pipeline, at=now(), **more)

    with pytest.raises(BadInput, match="asset_name: is missing"):
        send()
    with pytest.raises(BadInput, match="file: is empty"):
        send(b"", asset_name="x")
    settings.MAX_REPORT_BYTES = 3
    with pytest.raises(TooLarge, match="4 > 3 bytes"):
        send(b"xxxx", asset_name="x")
    with pytest.raises(BadInput, match=r"facts\.source"):
        keep(scope, facts={"source": "measured"})
    assert not InboxReport.objects.exists()


def test_a_report_that_is_placed_is_an_upload_by_who_brought_it_and_imports(
    scope, asset, pipeline, analyst
):
    report = keep(scope)
    placed = place_report(report=report, asset=asset, by=analyst, at=now())
    (scan,) = placed.scans
    assert (scan.asset, scan.line.name, scan.created_by) == (asset, "main", pipeline)
    assert scan.facts == report.facts and scan.raw_id == report.raw_id
    run_job(scan)
    assert Finding.objects.get().path == "app/a.py"
    report.refresh_from_db()
    assert (report.state, report.asset, report.scan_id, report.decided_by) == (
        "placed", asset, scan.pk, analyst)  # fmt: skip
    assert Event.objects.filter(action="inbox.placed", actor=analyst).count() == 1
    assert list(broken_links()) == []


def test_the_name_is_remembered_so_that_the_next_goes_straight(scope, asset, analyst):
    for names in ({"asset_name": "shop"}, {"repository": "https://git/shop"}):
        place_report(report=keep(scope, **names), asset=asset, by=analyst, at=now())
    assert find_asset(scope, name="shop") == asset
    assert find_asset(scope, repository="https://git/shop") == asset
    assert AssetAlias.objects.count() == 2


def test_assets_of_one_repository_are_told_apart_by_their_names(scope, asset, admin):
    address = "https://git/all-in-one"
    pay = keep(scope, asset_name="pay", repository=address)
    ship = keep(scope, asset_name="ship", repository=address)
    paid = place_on_new_asset(report=pay, by=admin, at=now()).asset
    assert find_asset(scope, name="ship", repository=address) is None
    place_report(report=ship, asset=asset, by=admin, at=now())
    assert find_asset(scope, name="ship", repository=address) == asset
    assert find_asset(scope, name="pay", repository=address) == paid


def test_all_of_a_name_are_placed_the_oldest_first(scope, asset, analyst):
    first = keep(scope)
    other = keep(scope, asset_name="other")
    second = keep(scope, CODE.committed_as("later"))
    placed = place_report(report=second, asset=asset, by=analyst, at=now())
    assert [scan.commit for scan in placed.scans] == [first.facts["commit"], second.facts["commit"]]
    assert placed.left == 0
    assert list(InboxReport.objects.waiting()) == [other]


def test_what_names_a_line_that_is_not_there_waits_unless_another_is_given(scope, asset, analyst):
    lost = keep(scope, asset_name="shop", line="9.x")
    fine = keep(scope, CODE.committed_as("b"))
    with pytest.raises(BadInput, match=r"line: '9\.x' is no line of the asset: main"):
        place_report(report=lost, asset=asset, by=analyst, at=now())
    placed = place_report(report=fine, asset=asset, by=analyst, at=now())
    assert (len(placed.scans), placed.left, placed.why_left) == (1, 1, "no line of the asset: 9.x")
    release = Line.objects.create(asset=asset, scope=scope, name="1.x", kind="release")
    (scan,) = place_report(report=lost, asset=asset, line="1.x", by=analyst, at=now()).scans
    assert scan.line == release


def test_a_few_are_placed_at_once_and_none_that_cannot_be_is_among_them(
    scope, asset, analyst, monkeypatch
):
    monkeypatch.setattr(inbox, "MOST_PLACED", 2)
    for n in range(3):
        keep(scope, CODE.committed_as(f"lost-{n}"), asset_name="shop", line="9.x")
    fine = [keep(scope, CODE.committed_as(f"fine-{n}")) for n in range(3)]
    placed = place_report(report=fine[0], asset=asset, by=analyst, at=now())
    assert [scan.commit for scan in placed.scans] == [r.facts["commit"] for r in fine[:2]]
    assert (placed.left, placed.why_left) == (4, "at most 2 are placed at once")
    placed = place_report(report=fine[2], asset=asset, by=analyst, at=now())
    assert (len(placed.scans), placed.left) == (1, 3)
    assert placed.why_left == "no line of the asset: 9.x"


def test_an_administrator_makes_the_asset_on_the_way(scope, admin):
    report = keep(scope, repository="https://git.example.org/acme/shop.git", line="trunk")
    placed = place_on_new_asset(report=report, by=admin, at=now())
    asset = Asset.objects.get()
    assert (placed.asset, asset.name, asset.repository) == (asset, "shop", report.repository)
    assert placed.scans[0].line.name == "trunk"
    assert not AssetAlias.objects.exists()


def test_a_name_that_is_taken_makes_nothing(scope, asset, admin):
    report = keep(scope)
    with pytest.raises(WrongState, match="already has an asset called web"):
        place_on_new_asset(report=report, name="web", by=admin, at=now())
    report.refresh_from_db()
    assert report.state == "waiting" and Asset.objects.count() == 1


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMIN])
def test_roles_place_on_what_is_there_and_nobody_but_administrators_makes_or_rejects(
    scope, asset, role
):
    report, by = keep(scope), member(scope, role)
    with pytest.raises(NotAllowed):
        place_on_new_asset(report=report, by=by, at=now())
    with pytest.raises(NotAllowed):
        reject_report(report=report, reason="No.", by=by, at=now())
    if role in (Role.VIEWER, Role.TICKETING):
        with pytest.raises(NotAllowed):
            place_report(report=report, asset=asset, by=by, at=now())
    else:
        assert place_report(report=report, asset=asset, by=by, at=now()).scans
    assert Asset.objects.count() == 1


def test_a_rejected_report_is_kept_with_its_reason(scope, asset, admin):
    report = keep(scope)
    with pytest.raises(BadInput, match="reason: must not be empty"):
        reject_report(report=report, reason=" ", by=admin, at=now())
    reject_report(report=report, reason="A fork.", by=admin, at=now())
    report.refresh_from_db()
    assert (report.state, report.reason, report.decided_by) == ("rejected", "A fork.", admin)
    assert blobs.load(report.raw_id)
    for verb in (
        lambda: reject_report(report=report, reason="Again.", by=admin, at=now()),
        lambda: place_report(report=report, asset=asset, by=admin, at=now()),
        lambda: place_on_new_asset(report=report, by=admin, at=now()),
    ):
        with pytest.raises(WrongState, match="was rejected meanwhile, by admin"):
            verb()


def test_nothing_goes_to_another_scope(scope, asset, admin):
    theirs = make_asset(make_scope())
    report = keep(scope)
    add_member(theirs.scope, admin, Role.ADMIN)
    with pytest.raises(BadInput, match="asset: is of another scope"):
        place_report(report=report, asset=theirs, by=admin, at=now())
    outsider = member(theirs.scope, Role.ADMIN)
    boss = add_member(make_scope(), make_user("boss"), Role.ADMIN)
    assert not InboxReport.objects.visible_to(boss).exists()
    with pytest.raises(NotAllowed):
        place_report(report=report, asset=asset, by=boss, at=now())
    assert outsider is not None
    scan_there = keep(theirs.scope)
    for values in (
        {
            "state": "placed",
            "asset": theirs,
            "scan_id": 1,
            "decided_at": now(),
            "decided_by": admin,
        },
        {"state": "placed", "asset": None},
        {"state": "rejected", "reason": ""},
        {"state": "lost"},
        {"asset_name": "", "repository": ""},
        {"upload_key": "", "decided_at": now()},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            InboxReport.objects.filter(pk=report.pk).update(**values)
            connection.check_constraints()
    assert scan_there.scope != scope


def test_a_name_is_told_from_an_address():
    assert name_of("https://git.example.org/acme/shop.git") == "shop"
    assert name_of("https://git.example.org/acme/shop/") == "shop"
    assert name_of("shop") == "shop"


# --- a run of a pipeline ---------------------------------------------------------------------------
def test_a_run_with_an_identity_leaves_nothing_for_other_assets(scope, asset, admin, settings):
    settings.OIDC_ISSUERS = ["https://token.actions.githubusercontent.com"]
    identity = add_pipeline_identity(
        asset=asset, issuer=settings.OIDC_ISSUERS[0], repository="acme/shop", by=admin, at=now()
    )
    identity.user.workload = workload_of(identity)
    with pytest.raises(NotAllowed, match="uploads for one asset"):
        keep(scope, by=identity.user)
    assert not InboxReport.objects.exists()
    report = keep(scope)
    with pytest.raises(NotAllowed, match="not for a run of a pipeline"):
        place_report(report=report, asset=asset, by=identity.user, at=now())
    assert list(InboxReport.objects.waiting()) == [report]


def test_a_run_tells_the_code_owners_of_its_own_asset_alone(scope, asset, files, settings):
    cache.clear()
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns
    make_asset(scope)
    member(scope, Role.PIPELINE)
    with issuing(settings) as issuer:
        add_pipeline_identity(
            asset=asset, issuer=issuer.url, repository="acme/shop", by=member(scope, Role.ADMIN),
            at=now(),
        )  # fmt: skip
        client = client_of(issuer.token())
        answers = [
            client.post(f"/api/v1/assets/{one.pk}/code-owners/", {"text": "* @a\n"}, format="json")
            for one in Asset.objects.order_by("pk")
        ]
    assert [answer.status_code for answer in answers] == [201, 403]
