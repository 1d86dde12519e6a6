"""What scripts may count on at every door: tags, preconditions, sparse members, rates."""

import re

import pytest
import redis
from django.core.cache import cache

from core.throttling import limit_of
from findings.models import Finding
from scans.models import Verification
from scopes.models import Asset
from tests import factories as make
from tests.api.bodies import body_of
from tests.api.conftest import V1, answers_of
from tests.races import errors, race

TAG = re.compile(r'"[0-9a-f]{32}"')


def gets(spec):
    """Every GET: its address and its name."""
    for template, methods in spec["paths"].items():
        if "get" in methods:
            yield template, methods["get"]["operationId"]


def names_of(operation):
    return {p["$ref"].rpartition("/")[2] for p in operation.get("parameters", ()) if "$ref" in p}


# --- tags ----------------------------------------------------------------------------------------
def test_every_get_has_a_tag_and_is_not_sent_again_while_it_holds(spec, api, world):
    client = api(world.admin)
    for template, name in gets(spec):
        if name in FILES:
            continue
        path = world.path(template)
        first = client.get(path)
        if first.status_code == 404:  # the open finding has no certificate
            continue
        tag = first.headers["ETag"]
        assert TAG.fullmatch(tag), name
        again = client.get(path, HTTP_IF_NONE_MATCH=f'"other", W/{tag}')
        if again.status_code == 200 and again.headers["ETag"] != tag:
            assert name in CHANGES_BY_ITSELF, name
            continue
        assert again.status_code == 304 and not again.content, name
        assert again.headers["ETag"] == tag


FILES = {"findings_export_retrieve", "reports_download_retrieve"}  # drawn while they are sent
CHANGES_BY_ITSELF = {
    "me_retrieve",
    "tokens_list",
    "metrics_retrieve",
}  # when used last, up to when it counts


def test_a_tag_is_another_one_once_the_object_is(api, world):
    client, path = api(world.admin), f"assets/{world.asset.pk}/"
    before = client.get(path).headers["ETag"]
    assert client.get(path).headers["ETag"] == before
    client.call("patch", path, {"environment": "production"})
    answer = client.get(path, HTTP_IF_NONE_MATCH=before)
    assert answer.status_code == 200 and answer.headers["ETag"] != before


# --- preconditions -------------------------------------------------------------------------------
def test_a_patch_of_what_changed_since_is_refused(api, world):
    client, path = api(world.admin), f"assets/{world.asset.pk}/"
    seen = client.get(path).headers["ETag"]
    patched = client.call("patch", path, {"environment": "production"}, HTTP_IF_MATCH=seen)
    assert patched.status_code == 200
    late = client.call("patch", path, {"environment": "test"}, HTTP_IF_MATCH=seen)
    assert late.status_code == 412
    assert late.json()["type"] == "urn:ctem:problem:precondition-failed"
    assert Asset.objects.get(pk=world.asset.pk).environment == "production"
    now = client.get(path).headers["ETag"]
    assert client.call("patch", path, {"environment": "test"}, HTTP_IF_MATCH=now).status_code == 200


@pytest.mark.parametrize(
    ("header", "status"), [("*", 200), ('"0"', 412), ("W/{tag}", 412), ('"0", {tag}', 200)]
)
def test_a_verb_holds_the_precondition_by_strong_comparison(api, world, header, status):
    client, path = api(world.analyst), f"findings/{world.fresh.pk}/"
    tag = client.get(path).headers["ETag"]
    body = {"name": "validate", "evidence": "Seen."}
    answer = client.post(f"{path}transitions/", body, HTTP_IF_MATCH=header.format(tag=tag))
    assert answer.status_code == status
    assert Finding.objects.get(pk=world.fresh.pk).status == (
        "validated" if status == 200 else world.fresh.status
    )


def test_no_verb_of_an_object_works_on_another_tag(spec, api, world):
    """Whether it has a GET of its own or not; what is refused anyway is refused as it is."""
    client = api(world.admin)
    for template, methods in spec["paths"].items():
        for method in {"post", "patch", "delete"} & set(methods):
            operation = methods[method]
            body = body_of(operation["operationId"], world)
            answer = client.call(method, world.path(template), body, HTTP_IF_MATCH='"0"')
            assert answer.status_code == 412, operation["operationId"]


def test_a_refusal_behind_a_precondition_keeps_what_the_verb_kept(api, world):
    """The gate's no is stored with its judgement, with If-Match as without."""
    client, path = api(world.analyst), f"findings/{world.open.pk}/"
    client.post(f"{path}transitions/", {"name": "claim", "reason": "Fixed."})
    before = Verification.objects.filter(finding=world.open).count()
    answer = client.post(f"{path}transitions/", {"name": "complete"}, HTTP_IF_MATCH="*")
    assert answer.status_code == 409 and answer.json()["checks"]
    assert Verification.objects.filter(finding=world.open).count() > before


def test_what_one_may_not_see_is_not_there_whatever_its_tag(api, world, outsider):
    path = f"assets/{world.asset.pk}/"
    answer = api(outsider).call("patch", path, {"environment": "test"}, HTTP_IF_MATCH="*")
    assert answer.status_code == 404


@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_an_address_that_is_not_there_is_not_there_whatever_its_tag(api, world, method):
    assert api(world.admin).call(method, "teams/null/", HTTP_IF_MATCH='"0"').status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_with_one_tag_one_changes_the_object(spec, shapes, api):
    asset = make.make_asset()
    admin = make.member(asset.scope, "admin")
    clients = [api(admin), api(admin)]
    tag = clients[0].get(f"assets/{asset.pk}/").headers["ETag"]

    def change(client, words):
        return lambda: client.call(
            "patch", f"assets/{asset.pk}/", {"environment": words}, HTTP_IF_MATCH=tag
        )

    answers = race(change(clients[0], "production"), change(clients[1], "test"))
    assert not errors(answers)
    assert sorted(answer.status_code for answer in answers) == [200, 412]


# --- sparse members ------------------------------------------------------------------------------
def test_lists_and_objects_answer_the_members_that_were_asked_for(api, world):
    client = api(world.viewer)
    page = client.client.get(f"{V1}/findings/?fields=id,status,title&page_size=1").json()
    assert set(page) == {"next", "previous", "results"}
    assert [set(row) for row in page["results"]] == [{"id", "status", "title"}]
    assert "fields=id%2Cstatus%2Ctitle" in page["next"]
    whole = client.get(f"findings/{world.open.pk}/")
    one = client.client.get(f"{V1}/findings/{world.open.pk}/?fields=id&fields=status")
    assert one.json() == {"id": world.open.pk, "status": whole.json()["status"]}
    assert one.headers["ETag"] == whole.headers["ETag"], "the object's, for If-Match"
    below = client.client.get(f"{V1}/scopes/{world.scope.pk}/members/?fields=role").json()
    assert below["results"] and all(set(row) == {"role"} for row in below["results"])


def test_every_door_that_says_so_takes_fields_and_refuses_others_by_name(spec, api, world):
    client, said = api(world.admin), 0
    for template, name in gets(spec):
        path = world.path(template)
        answer = client.get(f"{path}?fields=id,nonsense")
        if "fields" in names_of(spec["paths"][template]["get"]):
            said += 1
            assert answer.status_code == 400, name
            assert "'nonsense'" in answer.json()["errors"]["fields"][0], name
        else:
            assert answer.status_code in (400, 404), name
            if answer.status_code == 400:
                assert list(answer.json()["errors"]) == ["fields"], name
    assert said > 60


@pytest.mark.parametrize("told", ["", "id,", "Id", "id%20"])
def test_no_member_is_guessed(api, world, told):
    assert api(world.viewer).get(f"findings/?fields={told}").status_code == 400


# --- rates ---------------------------------------------------------------------------------------
def test_every_answer_tells_the_rate(api, world, rates):
    rates(user="3/min")
    client = api(world.viewer)
    answers = [client.get("me/"), client.get("nothing/")]
    answers += [client.post("findings/", {}), client.get("me/")]
    assert [answer.status_code for answer in answers] == [200, 404, 405, 429]
    for left, answer in zip((2, 1, 0, 0), answers, strict=True):
        assert answer.headers["RateLimit-Policy"] == '"user";q=3;w=60'
        told = re.fullmatch(r'"user";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
        assert int(told[1]) == left and 1 <= int(told[2]) <= 60
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_the_tokens_of_an_account_are_counted_together_and_others_apart(api, world, rates):
    rates(user="1/min")
    one, same, other = api(world.viewer), api(world.viewer), api(world.analyst)
    assert [c.get("me/").status_code for c in (one, same, other)] == [200, 429, 200]


def test_who_shows_wrong_keys_is_counted_by_address_and_cannot_choose_it(api, world, rates):
    rates(anon="2/min")
    client = api()
    client.client.credentials(HTTP_AUTHORIZATION="Bearer ctem_wrong")
    answers = [client.get("me/", HTTP_X_FORWARDED_FOR=f"10.0.0.{n}") for n in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"anon";q=2;w=60'


def test_requests_are_counted_by_all_processes_where_there_is_a_redis(
    api, world, rates, settings, redis_url
):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url}
    }
    rates(user="2/min")
    cache.clear()
    client = api(world.viewer)
    assert [client.get("me/").status_code for _ in range(3)] == [200, 200, 429]
    assert redis.Redis.from_url(redis_url).keys("*rate:user:*"), "where other processes count too"


def test_nobody_is_stopped_by_a_redis_that_does_not_answer(api, world, rates, settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    rates(user="1/min")
    client = api(world.viewer)
    answers = [client.get("me/") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "RateLimit" not in answers[0].headers


@pytest.mark.parametrize(
    ("rate", "limit"),
    [
        ("60/min", (60, 60)),
        ("5/s", (5, 1)),
        ("9/hour", (9, 3600)),
        ("1/d", (1, 86_400)),
    ],
)
def test_a_rate_is_read(rate, limit):
    assert limit_of(rate) == limit


# --- its description -----------------------------------------------------------------------------
def test_the_description_tells_the_contract_of_every_operation(spec):
    for methods in spec["paths"].values():
        for method, operation in methods.items():
            name, told = operation["operationId"], answers_of(spec, operation)
            good = next(answer for code, answer in told.items() if code < "300")["headers"]
            assert {"RateLimit", "RateLimit-Policy"} <= set(good), name
            assert "Retry-After" in told["429"]["headers"], name
            assert (
                ("Idempotency-Key" in names_of(operation)) == (method == "post") == ("422" in told)
            )
            assert ("If-None-Match" in names_of(operation)) == (method == "get") == ("304" in told)
            assert ("ETag" in good) == (method == "get")
            assert ("412" in told) == (method != "get")
            if method == "patch" or name in ("findings_transitions_create", "teams_destroy"):
                assert "If-Match" in names_of(operation), name
