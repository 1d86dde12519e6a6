"""Sweeps over every door of the API: who gets in, what is refused, and that nothing is written then."""

import json
import re

import pytest
from django.db import transaction
from django.urls import get_resolver

from core.permissions import ROLE_PERMISSIONS, Permission, Role
from tests import factories as make
from tests.api.bodies import BODIES, READS, WRITES, body_of
from tests.api.conftest import PROBLEM, V1, stored

pytestmark = pytest.mark.xdist_group("doors")  # one worker: the world they walk is built once
OWN = (
    "me_notifications_create",
    "tokens_create",
    "tokens_destroy",
    "tokens_revoke_create",
    "scopes_create",
)
OF_OTHERS = (
    "remediations_reviews_create",
    "remediations_proofs_create",
    "findings_revocations_create",
)
NO_LISTS = (
    "findings_export_retrieve",  # a file: see test_working_on_lists
    "me_retrieve",
    "me_notifications_retrieve",
    "audit_last_closed_retrieve",
    "metrics_retrieve",  # counts what one may see: see test_figures
)
NEVER = 2**62
MY_NOTICES = f"{V1}/me/notifications/"
IDS = (
    "asset",
    "scope",
    "remediation",
    "finding",
    "findings",
    "to",
    "duplicate_of",
    "remediation_id",
    "target",
    "team",
    "owner_team",
)


def operations(spec):
    for template, methods in spec["paths"].items():
        for method, operation in methods.items():
            yield method, template, operation["operationId"]


def test_every_door_of_the_router_is_in_the_schema(spec):
    """The sweeps below walk the schema; so a door must not be missing there."""
    api = next(p for p in get_resolver().url_patterns if str(p.pattern) == "api/")
    doors = set()
    for pattern in api.url_patterns:
        for inner in getattr(pattern, "url_patterns", []):
            actions = inner.callback.actions
            shown = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", str(inner.pattern)).strip("^")
            shown = shown.replace("{pk}", "{id}")
            shown = shown.removesuffix("\\Z").removesuffix("$")
            doors |= {(method, f"{V1}/{shown}") for method in actions if method != "head"}
    described = {(method, template) for method, template, _ in operations(spec)}
    mine = {
        ("get", f"{V1}/me/"),
        ("get", f"{V1}/metrics/"),
        ("get", MY_NOTICES),
        ("post", MY_NOTICES),
    }
    assert doors | mine == described


def test_every_writing_operation_has_a_body_and_a_permission_here(spec):
    writing = {name for method, _, name in operations(spec) if method != "get"}
    assert writing == set(WRITES)
    bodiless = {"views_destroy", "findings_comments_remove_create",
                "discovery_rules_approve_create", "discovery_rules_apply_create",
                "discovery_rules_end_create", "finding_disputes_withdraw_create",
                "findings_attachments_create", "scans_cancel_create",
                "schedules_destroy", "connections_look_create",
                "connections_end_create", "connections_webhook_secret_create",
                "remediations_judge_create", "disputes_confirm_create", "tokens_destroy",
                "tokens_revoke_create", "service_accounts_end_create",
                "invitations_withdraw_create",
                "pipeline_identities_end_create", "pauses_end_create",
                "trackers_check_create",
                "trackers_webhook_secret_create", "trackers_end_create", "tickets_unlink_create",
                "asset_links_destroy", "teams_destroy", "webhooks_pause_create",
                "webhooks_resume_create", "webhooks_rotate_secret_create", "webhooks_test_create",
                "webhooks_end_create", "webhooks_deliveries_resend_create"}  # fmt: skip
    assert writing - bodiless == set(BODIES)


def test_the_anonymous_get_401_at_every_door_and_write_nothing(spec, api, world, rates):
    rates(anon="6000/min")
    anonymous, before = api(), stored()
    for method, template, name in operations(spec):
        response = anonymous.call(method, world.path(template), body_of(name, world))
        assert response.status_code == 401, name
        assert response.headers["WWW-Authenticate"] == "Bearer"
    assert stored() == before


def test_an_outsider_finds_nothing_at_any_door_and_writes_nothing(spec, api, world, outsider):
    client = api(outsider)
    before = stored()
    for method, template, name in operations(spec):
        if name in OWN or name == "policies_retrieve":  # the default policy is everybody's
            continue
        response = client.call(method, world.path(template), body_of(name, world))
        if "{id}" in template:
            assert response.status_code == 404, name
        elif method == "post":
            assert response.status_code == 400 or name == "findings_bulk_transitions_create", name
            assert "Not found" in response.text or "not-found" in response.text, name
        elif name not in NO_LISTS:
            rows = response.json()["results"]
            assert [r for r in rows if not belongs_to(r, outsider)] == [], name
    assert stored() == before


@pytest.mark.parametrize("role", [pytest.param(Role.ADMIN, marks=pytest.mark.slow), Role.APPROVER])
def test_a_token_that_only_reads_writes_nothing_at_any_door(spec, api, world, role):
    client = api(make.member(world.scope, role), permissions=["read"])
    before, tried = stored(), 0
    for method, template, name in operations(spec):
        if method == "get":
            continue
        response = client.call(method, world.path(template), body_of(name, world))
        refused = response.status_code in (400, 403, 404)  # of many, each is refused in the answer
        assert refused or WRITES[name] is Permission.READ or "_bulk_" in name, name
        assert stored() == before, name
        tried += 1
    assert tried > 60


def test_a_token_for_one_scope_finds_nothing_of_another_at_any_door(spec, api, world, elsewhere):
    both = make.add_member(elsewhere.scope, world.admin, Role.ADMIN)
    assert api(both).get(elsewhere.path(f"{V1}/findings/{{id}}/")).status_code == 200
    client = api(both, scopes=[world.scope])
    before = stored()
    for method, template, name in operations(spec):
        if (
            name in (*OWN, "findings_export_retrieve", "policies_retrieve", "tools_retrieve")
            or "/tokens/" in template
        ):
            continue
        response = client.call(method, elsewhere.path(template), body_of(name, elsewhere))
        if "{id}" in template:
            assert response.status_code == 404, name
        elif method == "post":
            assert response.status_code == 400 or name == "findings_bulk_transitions_create", name
        elif name not in NO_LISTS:
            rows = response.json()["results"]
            theirs = [
                row for row in rows if elsewhere.scope.pk in (row.get("scope"), row.get("scope_id"))
            ]
            assert theirs == [], name
    roles = client.get("me/").json()["roles"]
    assert [role["scope"] for role in roles] == [world.scope.pk]
    assert [row["id"] for row in client.get("scopes/").json()["results"]] == [world.scope.pk]
    assert stored() == before


def belongs_to(row, user):
    scopes = set(user.memberships.values_list("scope_id", flat=True))
    mine = {row.get("scope"), row.get("scope_id"), row.get("id")} & scopes
    return bool(mine) or "key" in row or "prefix" in row or "digest" in row


def test_an_id_of_somebody_else_answers_like_one_that_does_not_exist(spec, api, world, elsewhere):
    """T05, T06: in addresses and in bodies, on reading and on writing, word for word."""
    client = api(make.add_member(world.scope, world.approver, Role.APPROVER))
    tried = 0
    for method, template, name in operations(spec):
        theirs = body_of(name, elsewhere)
        if "{id}" in template and not template.startswith(f"{V1}/tokens") and name not in (
            "policies_retrieve", "tools_retrieve"):  # fmt: skip
            foreign, missing = elsewhere.path(template), template.replace("{id}", str(NEVER))
            assert same(client.call(method, foreign, theirs), client.call(method, missing, theirs))
            tried += 1
        for member in IDS:
            if theirs and member in theirs:
                mine = {**(body_of(name, world) or {}), member: theirs[member]}
                absent = {**mine, member: [NEVER] if member == "findings" else NEVER}
                if member == "findings":
                    mine[member] = mine[member][:1]
                path = world.path(template)
                before = stored()
                answers = client.call(method, path, mine), client.call(method, path, absent)
                assert same(*answers), name
                assert answers[0].status_code in (400, 404) or "bulk" in name or "tokens" in name
                assert stored() == before
                tried += 1
    assert tried > 40


def same(one, other):
    """Whether two refusals differ in nothing but the id."""
    plain = [re.sub(r"\d+", "N", response.text) for response in (one, other)]
    return one.status_code == other.status_code and plain[0] == plain[1]


AT_HOME = (Role.VIEWER,)  # each takes 15 s: the others are slow tests


@pytest.mark.parametrize(
    "role", [r if r in AT_HOME else pytest.param(r, marks=pytest.mark.slow) for r in Role]
)
def test_a_role_does_what_the_table_says_and_nothing_else(spec, api, world, role):
    client, granted = api(make.member(world.scope, role)), ROLE_PERMISSIONS[role]
    for method, template, name in operations(spec):
        needed = WRITES.get(name, READS.get(name, Permission.READ))
        if needed is None:
            continue
        if isinstance(needed, tuple):  # of people, of service accounts
            needed = needed[role in make.SERVICES]
        if name in OF_OTHERS and role is Role.DEVELOPER:
            continue  # wrote the fix; see test_fixes
        with transaction.atomic():
            before = stored()
            response = client.call(method, world.path(template), body_of(name, world))
            if needed in granted:
                assert response.status_code not in (401, 403, 404) or not_yet(name, response), name
            elif name in READS:
                assert response.status_code == 404, name
            else:
                assert response.status_code == 403, name
                assert response.json()["type"] == "urn:ctem:problem:not-allowed"
                assert stored() == before
            transaction.set_rollback(True)


def not_yet(name, response):
    """The open finding has no certificate."""
    return name == "findings_certificate_retrieve" and response.status_code == 404


@pytest.mark.slow
def test_nothing_is_changed_by_put_or_patch_and_status_least_of_all(spec, api, world):
    """T28: no row has an address where a member could be set."""
    client, before = api(world.admin), stored()
    for template in spec["paths"]:
        for method in ("put", "patch", "delete", "options"):
            if method in spec["paths"][template]:
                continue
            path = world.path(template)
            response = client.call(method, path, {"status": "mobilization_complete"})
            assert response.status_code == 405, path
            if path != f"{V1}/me/":
                assert "status" in response.json()["detail"]
    assert stored() == before


@pytest.mark.slow
def test_a_member_that_nobody_may_set_is_refused_by_its_name(spec, api, world):
    """T28: at every door that takes a body."""
    client = api(world.approver)
    before = stored()
    for method, template, name in operations(spec):
        if name not in BODIES:
            continue
        for member in ("status", "id", "clearance_id", "created_by"):
            if member in body_of(name, world):
                continue
            body = {**body_of(name, world), member: "mobilization_complete"}
            response = client.call(method, world.path(template), body)
            assert response.status_code in (400, 403), name
            if response.status_code == 400:
                assert response.json()["errors"][member] == ["Cannot be set here."], name
    assert stored() == before


@pytest.mark.slow
def test_text_that_cannot_be_stored_is_refused_at_every_door(spec, api, world):
    """T11: NUL and lone surrogates, in every text of every body, as value and as name."""
    approver, admin = api(world.approver), api(world.admin)
    for method, template, name in operations(spec):
        client = admin if WRITES.get(name) is Permission.ADMINISTER else approver
        body, before = body_of(name, world), stored()
        for raw in [*spoilt(body, "a\\u0000b"), *spoilt(body, "a\\ud800b")]:
            response = client.call(
                method, world.path(template), raw, content_type="application/json", format=None
            )
            assert response.status_code == 400, (name, raw[:80])
            assert response.json()["where"].startswith("body#/"), name
        assert stored() == before


def spoilt(body, bad):
    """The body as JSON with ``bad`` in each of its texts in turn, and as the name of a member."""
    texts = [member for member, value in (body or {}).items() if isinstance(value, str)]
    for member in texts:
        yield json.dumps({**body, member: "@@"}).replace('"@@"', f'"{bad}"')
    if body is not None:
        yield f'{{"{bad}": 1}}'


def test_parameters_that_are_not_known_are_refused_at_every_reading_door(spec, api, world):
    """T30: a misspelt filter never answers everything."""
    client = api(world.admin)
    for method, template, name in operations(spec):
        if method == "get" and name != "me_retrieve":
            response = client.get(f"{world.path(template)}?nonsense=1")
            assert response.status_code == 400, name
            assert list(response.json()["errors"]) == ["nonsense"]


NOWHERE = ["nothing/", "findings/abc/", "findings/%00/", "findings/1", ""]


def test_an_address_that_is_not_there_is_a_problem_too(api, world):
    client = api(world.viewer)
    for path in NOWHERE:
        response = client.get(f"{V1}/{path}")
        assert response.status_code == 404
        assert response.headers["Content-Type"] == PROBLEM


NO_JSON = [
    ("{", "body, line 1, column 2"),
    ('{"body": NaN}', "body"),
    ('{"body": "a", "body": "b"}', "body"),
    (b'{"body": "\xff"}', "body, byte 10"),
    ("[" * 100_000, "body"),
    ('{"body": ' + "[" * 60 + "]" * 60 + "}", "body#/body"),
    ('{"body": ' + "9" * 5000 + "}", "body"),
]


def test_a_body_that_is_no_usable_json_is_refused_with_the_place(api, world):
    client, path = api(world.analyst), f"{V1}/findings/{world.open.pk}/comments/"
    for raw, where in NO_JSON:
        response = client.post(path, raw, content_type="application/json", format=None)
        assert response.status_code == 400
        assert response.json()["where"].startswith(where)


def test_a_body_over_the_limit_is_413_and_names_both_numbers(api, world, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    path = f"{V1}/findings/{world.open.pk}/comments/"
    response = api(world.analyst).post(path, {"body": "x" * 2000})
    assert response.status_code == 413
    assert re.search(r"20\d\d > 1000 bytes", response.json()["detail"])


def test_another_media_type_is_415(api, world):
    path = f"{V1}/findings/{world.open.pk}/comments/"
    response = api(world.analyst).post(path, "<a/>", content_type="text/xml", format=None)
    assert response.status_code == 415


def test_too_many_requests_say_when_to_come_back(api, world, rates):
    rates(user="1/min")
    client = api(world.viewer)
    client.get("me/")
    response = client.get("me/")
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0
