"""Lists of assets: read, planned, and written whole or not at all."""

import json
import time
from io import BytesIO, StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.errors import BadInput, NotAllowed, TooLarge
from core.events import broken_links
from core.models import Event
from core.permissions import Role
from scopes import asset_files
from scopes.asset_files import read
from scopes.models import Asset, AssetLink, Line
from scopes.services.assets import change_asset
from scopes.services.importing import import_assets
from scopes.services.teams import create_team
from tests.factories import make_asset, make_scope, member, now

pytestmark = pytest.mark.django_db
CSV = b"""\xef\xbb\xbfName,kind,default_line,environment,tags,team,built_from,external_id
shop,service,,production,"pci, java",@acme/shop,web;lib,
web,repository,trunk,,,,,github:1
lib,,,,,,,
"""
GITHUB = [
    {"id": 1, "name": "web", "full_name": "acme/web", "clone_url": "https://github.com/acme/web.git",
     "html_url": "https://github.com/acme/web", "default_branch": "trunk", "private": True,
     "topics": ["java", "Not A Tag!"], "archived": False, "owner": {"login": "acme"}},
    {"id": 2, "full_name": "acme/old", "clone_url": "https://github.com/acme/old.git",
     "default_branch": "master", "topics": [], "archived": True},
]  # fmt: skip
GITLAB = [
    {"id": 7, "path_with_namespace": "acme/sub/api", "http_url_to_repo": "https://gl/acme/sub/api.git",
     "default_branch": None, "topics": ["go"], "tag_list": ["go"], "archived": False},
]  # fmt: skip


def told(outcome):
    return outcome.created, outcome.changed, outcome.unchanged, outcome.links, outcome.refused


def take(scope, data, **more):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return import_assets(scope=scope, data=data, by=member(scope, Role.ADMIN), at=now(), **more)


@pytest.fixture
def team(scope, admin):
    return create_team(scope=scope, name="Shop", handle="@acme/shop", by=admin, at=now())


def test_a_list_makes_assets_with_lines_links_and_one_event(scope, team):
    outcome = take(scope, CSV)
    assert outcome.written and told(outcome) == (3, 0, 0, 2, 0)
    shop = Asset.objects.get(name="shop")
    assert (shop.kind, shop.environment, shop.tags, shop.team) == (
        "service", "production", ["java", "pci"], team)  # fmt: skip
    assert dict(Line.objects.values_list("asset__name", "name")) == {
        "shop": "main", "web": "trunk", "lib": "main"}  # fmt: skip
    assert {(link.asset.name, link.kind, link.target.name) for link in AssetLink.objects.all()} == {
        ("shop", "built_from", "web"), ("shop", "built_from", "lib")}  # fmt: skip
    event = Event.objects.get(action="assets.imported")
    assert event.data["created"] == 3 and len(event.data["rows"]) == 64
    assert list(broken_links()) == []


def test_the_same_list_again_changes_nothing(scope, team):
    take(scope, CSV)
    before = list(Asset.objects.values()), Event.objects.count()
    assert told(take(scope, CSV)) == (0, 0, 3, 0, 0)
    assert (list(Asset.objects.values()), Event.objects.count()) == before


def test_a_dry_run_says_what_would_be_and_writes_nothing(scope, team):
    make_asset(scope, name="web")
    before = Asset.objects.count(), Event.objects.count()
    outcome = take(scope, CSV, dry_run=True)
    assert not outcome.written and told(outcome) == (2, 1, 0, 2, 0)
    assert (Asset.objects.count(), Event.objects.count()) == before


def test_one_row_that_cannot_be_used_stops_all_of_them_and_each_is_told_by_its_line(scope):
    make_asset(scope, name="known", external_id="github:9")
    bad = b"""name,kind,environment,tags,team,runs_on,external_id
fine,,,,,,
fine,,,,,,
,,,,,,
,repository,,,,,
boat,boat,,,,,
moon,,moon,,,,
tagged,,,no/{},,,
teamed,,,,@nobody,,
linked,,,,,missing,
selfish,,,,,selfish,
known,,,,,,github:10
one,,,,,,github:11
two,,,,,,github:11
long,a,b,c,d,e,f,g
"""
    outcome = take(scope, bad)
    assert not outcome.written
    said = {refusal.where: refusal.sentence for refusal in outcome.refusals}
    assert said == {
        "line 3": "name: is that of line 2 already",
        "line 5": "name: is missing",
        "line 6": "kind: 'boat' is none of: repository, service, host, image, cloud_account",
        "line 7": "environment: 'moon' is none of: production, staging, development, test",
        "line 8": said["line 8"],
        "line 9": "team: the scope has no team '@nobody'",
        "line 10": "runs_on: is linked with 'missing', which is not there",
        "line 11": "runs_on: is linked with itself",
        "line 12": "external_id: 'known' has another: github:9",
        "line 14": "external_id: is that of line 13 already",
        "line 15": "has more cells than columns (8 > 7)",
    }
    assert said["line 8"].startswith("tags: 'no/{}' is no short word")
    assert list(Asset.objects.values_list("name", flat=True)) == ["known"]
    assert not Event.objects.filter(action="assets.imported").exists()


def test_an_export_of_github_is_taken_with_pages_one_after_the_other(scope):
    pages = json.dumps(GITHUB[:1]) + "\n" + json.dumps(GITHUB[1:])
    assert told(take(scope, pages.encode())) == (2, 0, 0, 0, 0)
    web, old = Asset.objects.get(name="acme/web"), Asset.objects.get(name="acme/old")
    assert (web.external_id, web.repository) == ("github:1", "https://github.com/acme/web.git")
    assert (web.kind, web.tags, old.tags) == ("repository", ["java"], ["archived"])
    assert web.lines.get().name == "trunk"


def test_an_export_of_gitlab_is_taken(scope):
    assert told(take(scope, GITLAB)) == (1, 0, 0, 0, 0)
    api = Asset.objects.get()
    assert (api.name, api.external_id, api.tags) == ("acme/sub/api", "gitlab:7", ["go"])


def test_a_repository_with_a_new_name_is_the_same_asset(scope):
    take(scope, GITHUB)
    pk = Asset.objects.get(name="acme/web").pk
    renamed = [{**GITHUB[0], "full_name": "acme/store"}]
    assert told(take(scope, renamed)) == (0, 1, 0, 0, 0)
    assert Asset.objects.get(pk=pk).name == "acme/store"
    taken = [{**GITHUB[0], "full_name": "acme/old"}]
    assert "is another asset than github:1" in take(scope, taken).refusals[0].sentence


def test_a_link_with_a_name_that_the_same_list_takes_away_is_refused(scope):
    take(scope, GITHUB)
    outcome = take(scope, b"name,external_id,depends_on\nstore,github:1,\nc,,acme/web\n")
    assert [refusal.sentence for refusal in outcome.refusals] == [
        "depends_on: is linked with 'acme/web', which is not there"
    ]


def test_links_of_a_repository_with_a_new_name_are_those_that_it_has(scope):
    data = b"name,external_id,runs_on\nold,github:1,host\nhost,,\nshop,,old\n"
    assert told(take(scope, data)) == (3, 0, 0, 2, 0)
    outcome = take(scope, data.replace(b"old", b"new"))
    assert outcome.written and told(outcome) == (0, 1, 2, 0, 0)
    assert AssetLink.objects.count() == 2


@pytest.mark.parametrize("rows", [b"b,github:1\nacme/web,\n", b"acme/web,\nb,github:1\n"])
def test_two_rows_of_one_asset_are_refused_by_both_lines(scope, rows):
    take(scope, GITHUB)
    (refusal,) = take(scope, b"name,external_id\n" + rows).refusals
    assert refusal.where == "line 3"
    assert refusal.sentence.endswith("is the asset of line 2 already")


def test_what_people_said_stays_where_a_list_says_nothing(scope, admin, team):
    take(scope, GITHUB)
    web = Asset.objects.get(name="acme/web")
    change_asset(asset=web, team=team, tags=["java", "pci"], environment="test", by=admin, at=now())
    assert told(take(scope, GITHUB)) == (0, 0, 2, 0, 0)
    outcome = take(scope, [{**GITHUB[0], "topics": ["web"], "default_branch": "next"}])
    web.refresh_from_db()
    assert (web.tags, web.team, web.environment) == (["java", "pci", "web"], team, "test")
    assert outcome.notes == (
        "item 1: the default line of acme/web stays trunk; the file says next. Findings follow a line.",
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "file: is empty"),
        (b"\xff\xfe", "file, byte 0: is not UTF-8"),
        (b"kind\nservice\n", "line 1: must name the columns, name among them"),
        (b"name,colour\nx,red\n", "line 1: 'colour' is none of: name, kind"),
        (b"name,name\nx,y\n", "line 1: the column name is there twice"),
        (b'name\n"x\n', "is no CSV"),
        (b'[{"id": 1}, 2', "character 0: begins no JSON"),
        (b'[1]', "item 1: is no object"),
        (b"[" * 100_000, "begins no JSON"),
        (b'[{"id": NaN}]', "begins no JSON"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_read_is_refused_with_the_place(scope, data, said):
    with pytest.raises(BadInput, match=said):
        take(scope, data)


@pytest.mark.parametrize("name", [["a"], 7, "x\0", "x" * 201])
def test_a_name_that_cannot_be_kept_is_refused(name):
    _, (refusal,) = read(json.dumps([{"full_name": name}]).encode())
    assert refusal.where == "item 1" and refusal.sentence.startswith("name: ")


def test_limits_are_named(monkeypatch):
    monkeypatch.setattr(asset_files, "MAX_ROWS", 2)
    with pytest.raises(TooLarge, match="> 2"):
        read(b"name\na\nb\nc\n")
    monkeypatch.setattr(asset_files, "MAX_BYTES", 5)
    with pytest.raises(TooLarge, match="7 > 5 bytes"):
        read(b"name\na\n")


def test_semicolons_part_cells_where_the_header_says_so():
    rows, _ = read(b"name;tags\nx;a b\n")
    assert dict(rows[0].told) == {"name": "x", "tags": ["a", "b"]}


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMIN])
def test_only_an_administrator_imports(scope, role):
    with pytest.raises(NotAllowed):
        import_assets(scope=scope, data=CSV, by=member(scope, role), at=now())


def test_another_scope_is_neither_matched_nor_linked(scope, admin):
    make_asset(make_scope(), name="web", external_id="github:1")
    create_team(scope=make_scope(), name="Theirs", by=None, at=now())
    data = b"name,external_id,team,runs_on\nweb,github:1,,\nx,,Theirs,\ny,,,elsewhere\n"
    said = [refusal.sentence for refusal in take(scope, data).refusals]
    assert said == ["team: the scope has no team 'Theirs'",
                    "runs_on: is linked with 'elsewhere', which is not there"]  # fmt: skip
    assert told(take(scope, b"name,external_id\nweb,github:1\n")) == (1, 0, 0, 0, 0)


@pytest.mark.parametrize("number", [10, 300])
def test_the_statements_do_not_grow_with_the_assets(scope, number):
    data = (
        b"name,runs_on\n"
        + b"".join(b"a%d,a%d\n" % (n, n + 1) for n in range(number - 1))
        + (b"a%d,\n" % (number - 1))
    )
    with CaptureQueriesContext(
        connection,
    ) as queries:
        take(scope, data)
    assert Asset.objects.count() == number
    assert len([q for q in queries if "INSERT" in q["sql"] or "SELECT" in q["sql"]]) < 50


@pytest.mark.slow
def test_ten_thousand_assets_take_seconds(scope):
    member(scope, Role.ADMIN)
    rows = [{**GITHUB[0], "id": n, "full_name": f"acme/repository-{n}"} for n in range(10_000)]
    data = json.dumps(rows).encode()
    began = time.process_time()
    assert told(take(scope, data)) == (10_000, 0, 0, 0, 0)
    assert told(take(scope, data)) == (0, 0, 10_000, 0, 0)
    assert time.process_time() - began < 20
    assert Line.objects.count() == 10_000


# --- the command ---------------------------------------------------------------------------------
def run(*arguments, **more):
    out = StringIO()
    call_command("import_assets", *arguments, stdout=out, stderr=out, **more)
    return out.getvalue()


def test_the_command_previews_and_imports(scope, team, tmp_path):
    file = tmp_path / "assets.csv"
    file.write_bytes(CSV)
    assert run("shop", str(file), "--dry-run") == (
        "would be: 3 created, 0 changed, 0 unchanged, 2 links, 0 refused\n"
    )
    assert not Asset.objects.exists()
    assert run("shop", str(file)).startswith("3 created")
    assert Event.objects.get(action="assets.imported").actor is None


def test_the_command_says_why_not(scope, tmp_path, monkeypatch):
    file = tmp_path / "assets.csv"
    file.write_bytes(b"name,kind\nx,boat\n")
    with pytest.raises(CommandError, match="nothing was written: 0 created"):
        run("shop", str(file))
    for arguments, said in (
        (("nowhere", str(file)), "no scope with the short name 'nowhere'"),
        (("shop", str(tmp_path / "missing")), "No such file"),
        (("shop", str(file), "--format", "github"), "begins no JSON"),
    ):
        with pytest.raises(CommandError, match=said):
            run(*arguments)

    class Pipe:
        buffer = BytesIO(b"name\npiped\n")

    monkeypatch.setattr("sys.stdin", Pipe)
    assert run("shop", "-").startswith("1 created")
