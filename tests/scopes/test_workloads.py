"""Pipelines that show an identity token instead of a key: whose counts, whose does not, and for what."""

import base64
import json
import logging
import time
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.cache import cache
from django.db import IntegrityError, transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.models import Event, UserKind
from core.permissions import Permission
from scopes.access import can
from scopes.models import ApiToken, PipelineIdentity
from scopes.services import add_pipeline_identity, end_pipeline_identity, issue_token
from scopes.workloads import Claims, Workload
from tests import factories as make
from tests.issuer import SHA, issuing

pytestmark = pytest.mark.django_db
REFUSED = "The identity token is not one of a pipeline that is known here."


@pytest.fixture(autouse=True)
def _fresh(settings):
    cache.clear()
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns


@pytest.fixture
def issuer(settings):
    with issuing(settings) as issuer:
        yield issuer


@pytest.fixture
def identity(asset, admin, issuer):
    return add(asset, admin, issuer)


def add(asset, by, issuer, **more):
    given = {"repository": "acme/shop", **more}
    return add_pipeline_identity(asset=asset, issuer=issuer.url, by=by, at=make.now(), **given)


def me(api, token, **headers):
    return api.get("/api/v1/me/", headers={"Authorization": f"Bearer {token}", **headers})


def assert_refused(api, token, **headers):
    answer = me(api, token, **headers)
    assert (answer.status_code, answer.json()["detail"]) == (401, REFUSED)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


# --- tokens that count ---------------------------------------------------------------------------
@pytest.mark.parametrize("kid", ["one", "ec"])
def test_a_run_acts_as_the_service_account_of_its_identity(api, issuer, identity, kid):
    answer = me(api, issuer.token(kid))
    assert answer.status_code == 200, answer.text
    assert answer.json()["user"]["username"] == identity.user.username
    assert answer.json()["user"]["kind"] == UserKind.SERVICE
    assert [role["role"] for role in answer.json()["roles"]] == ["pipeline"]


def test_a_token_counts_again_until_it_expires(api, issuer, identity):
    token = issuer.token()
    assert [me(api, token).status_code for _ in range(3)] == [200] * 3
    assert issuer.fetches == 1


def test_clocks_may_differ_a_little(api, issuer, identity):
    now = int(time.time())
    assert me(api, issuer.token(iat=now + 10, nbf=now + 10)).status_code == 200
    assert me(api, issuer.token(exp=now - 10)).status_code == 200


def test_a_token_may_be_for_others_too(api, issuer, identity):
    assert me(api, issuer.token(aud=["else", "ctem"])).status_code == 200


def test_a_job_on_gitlab_is_known_by_its_own_words(api, settings, asset, admin):
    with issuing(settings, path="") as issuer:
        add(asset, admin, issuer, repository_id="51", ref="refs/heads/main",
            workflow="gitlab.com/acme/shop//.gitlab-ci.yml")  # fmt: skip
        assert me(api, issuer.gitlab_token()).status_code == 200
        assert me(api, issuer.gitlab_token(ref_path=None)).status_code == 200
        assert_refused(api, issuer.gitlab_token(project_id="52"))
        assert_refused(api, issuer.gitlab_token(ref_path="refs/heads/fix"))
        assert_refused(api, issuer.gitlab_token(ref_path=None, ref_type="tag"))
        assert_refused(
            api, issuer.token(repository="acme/shop")
        )  # GitHub's words mean nothing here


# --- tokens that do not --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "other"},
        {"aud": None},
        {"aud": ["other"]},
        {"iss": "https://gitlab.com"},
        {"iss": None},
        {"iss": 7},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"iat": 2**40},
        {"nbf": 2**40},
        {"repository": "acme/other"},
        {"repository": "acme/shop2"},
        {"repository": "ACME/shop"},
        {"repository": None},
        {"repository": ["acme/shop"]},
    ],
    ids=str,
)
def test_a_token_that_does_not_count_is_refused_with_the_same_words(api, issuer, identity, claims):
    assert_refused(api, issuer.token(**claims))


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_an_unsigned_token_is_refused(api, issuer, identity):
    for algorithm in ("none", "None", "nOnE", ""):
        header = {"alg": algorithm, "kid": "one", "typ": "JWT"}
        assert_refused(api, f"{encoded(header)}.{encoded(issuer.claims())}.")
    assert_refused(api, jwt.encode(issuer.claims(), None, algorithm="none", headers={"kid": "one"}))


def test_a_token_that_is_sealed_with_the_public_key_as_a_password_is_refused(api, issuer, identity):
    public = issuer.keys["one"][1].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    hmac = jwt.get_algorithm_by_name("HS256")
    for kid in ("one", "ec"):
        signed = f"{encoded({'alg': 'HS256', 'kid': kid})}.{encoded(issuer.claims())}"
        seal = base64.urlsafe_b64encode(hmac.sign(signed.encode(), pem)).rstrip(b"=").decode()
        assert_refused(api, f"{signed}.{seal}")


def test_a_token_of_another_key_algorithm_or_content_is_refused(api, issuer, identity):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = issuer.claims()
    assert_refused(api, jwt.encode(claims, other, algorithm="RS256", headers={"kid": "one"}))
    mine = issuer.keys["one"][1]
    for algorithm in ("RS384", "PS256"):
        assert_refused(api, jwt.encode(claims, mine, algorithm=algorithm, headers={"kid": "one"}))
    assert_refused(api, jwt.encode(claims, mine, algorithm="RS256"))  # names no key
    assert_refused(api, jwt.encode(claims, mine, algorithm="RS256", headers={"kid": "ec"}))
    head, _, seal = issuer.token().split(".")
    assert_refused(api, f"{head}.{encoded(issuer.claims(repository='acme/other'))}.{seal}")


def test_a_key_that_the_issuer_publishes_for_other_uses_does_not_count(api, issuer, identity):
    keys = json.loads(issuer.server.answers["/keys"][2])["keys"]
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    told = jwt.get_algorithm_by_name("RS256").to_jwk(weak.public_key(), as_dict=True)
    keys = [{**keys[0], "use": "enc"}, {**told, "kid": "weak"},
            {"kty": "oct", "k": "c2VjcmV0", "kid": "oct", "alg": "HS256"}, "odd", {"kid": 7}]  # fmt: skip
    issuer.server.answers["/keys"] = 200, {}, json.dumps({"keys": keys}).encode()
    assert_refused(api, issuer.token())
    with pytest.warns(UserWarning, match="below the minimum"):
        weakly = jwt.encode(issuer.claims(), weak, algorithm="RS256", headers={"kid": "weak"})
    assert_refused(api, weakly)
    assert_refused(
        api, jwt.encode(issuer.claims(), b"secret" * 8, algorithm="HS256", headers={"kid": "oct"})
    )


@pytest.mark.parametrize(
    "token", ["..", "a.b.c", "e30.e30.e30", "é.é.é", ".".join(["x" * 9000] * 3)], ids=len
)
def test_what_is_no_token_is_refused(api, issuer, identity, token):
    assert_refused(api, token)
    assert not issuer.server.requests


def test_keys_of_our_own_are_still_ours(api, admin):
    _, key = issue_token(user=admin, by=admin, name="laptop", at=make.now())
    assert me(api, key).status_code == 200
    assert me(api, "ctem_unknown").json()["detail"].startswith("The token is unknown")


def test_the_reason_stands_in_the_log_and_the_token_does_not(api, issuer, identity, caplog):
    token = issuer.token(aud="other\nforged line")
    with caplog.at_level(logging.WARNING, "scopes.authentication"):
        assert_refused(api, token)
        assert_refused(api, issuer.token(repository="acme/other"))
    assert "InvalidAudienceError" in caplog.text
    assert "0 known pipelines fit acme/other" in caplog.text
    assert token.split(".")[2] not in caplog.text and "\nforged" not in caplog.text


# --- conditions ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({"repository_id": "4242"}, True),
        ({"repository_id": "4243"}, False),  # the name went to somebody else
        ({"workflow": "acme/shop/.github/workflows/ci.yml"}, True),
        ({"workflow": "acme/shop/.github/workflows/ci.yml@refs/heads/main"}, True),
        ({"workflow": "acme/shop/.github/workflows/ci.yml@refs/heads/other"}, False),
        ({"workflow": "acme/shop/.github/workflows/ci"}, False),
        ({"workflow": "acme/safe/.github/workflows/scan.yml"}, False),
        ({"ref": "refs/heads/main"}, True),
        ({"ref": "refs/heads/ma"}, False),
        ({"ref": "main"}, False),
    ],
    ids=str,
)
def test_all_that_the_identity_asks_for_must_be_in_the_token(
    api, issuer, asset, admin, asked, fits
):
    add(asset, admin, issuer, **asked)
    if fits:
        assert me(api, issuer.token()).status_code == 200
    else:
        assert_refused(api, issuer.token())


def test_a_repository_of_several_assets_says_for_which_it_comes(
    api, issuer, scope, admin, identity
):
    other = add(make.make_asset(scope, name="worker"), admin, issuer)
    token = issuer.token()
    assert_refused(api, token)
    for row in (identity, other):
        answer = me(api, token, **{"CTEM-Asset": str(row.asset_id)})
        assert answer.json()["user"]["username"] == row.user.username
    for asset in ("0", "-1", "x", "9" * 30, "\uff11", str(other.asset_id + 1000)):
        assert_refused(api, token, **{"CTEM-Asset": asset.encode("utf-8").decode("latin-1")})


def test_a_scope_that_names_somebody_elses_repository_gets_nothing_from_it(
    api, issuer, identity, outsider
):
    """Their identity makes the token ambiguous only for a run that does not say its asset."""
    theirs = make.make_asset(outsider.memberships.get().scope)
    add(theirs, outsider, issuer)
    answer = me(api, issuer.token(), **{"CTEM-Asset": str(identity.asset_id)})
    assert answer.json()["user"]["username"] == identity.user.username


def test_an_identity_that_ended_lets_nobody_in_and_can_be_added_anew(
    api, issuer, identity, asset, admin
):
    token = issuer.token()
    assert me(api, token).status_code == 200
    end_pipeline_identity(identity=identity, by=admin, at=make.now())
    assert_refused(api, token)
    again = add(asset, admin, issuer)
    assert me(api, token).json()["user"]["username"] == again.user.username


def test_an_issuer_that_the_operator_took_off_the_list_counts_no_more(
    api, issuer, identity, settings
):
    assert me(api, issuer.token()).status_code == 200
    settings.OIDC_ISSUERS = []
    assert_refused(api, issuer.token())


# --- keys of the issuer --------------------------------------------------------------------------
def test_a_new_key_of_the_issuer_is_fetched_but_not_more_than_once_a_minute(api, issuer, identity):
    assert me(api, issuer.token()).status_code == 200
    issuer.rotate()
    assert_refused(api, issuer.token())  # fetched a moment ago
    cache.delete(f"scopes.keys-asked:{issuer.url}")  # a minute later
    assert me(api, issuer.token()).status_code == 200
    assert issuer.fetches == 2
    forged = jwt.encode(
        issuer.claims(), issuer.keys["two"][1], algorithm="RS256", headers={"kid": "x"}
    )
    for _ in range(5):
        assert_refused(api, forged)
    assert issuer.fetches == 2


def test_nobody_is_asked_for_tokens_of_an_issuer_that_no_pipeline_uses(api, issuer):
    assert_refused(api, issuer.token())
    assert not issuer.server.requests


@pytest.mark.parametrize(
    "broken",
    [
        (500, {}, b"down"),
        (302, {"Location": "https://elsewhere.example/"}, b""),
        (200, {}, b"<html>"),
        (200, {}, b"[]"),
        (200, {}, b'{"keys": 7}'),
        (200, {}, b'{"keys": [], "x": "' + b"x" * 600_000 + b'"}'),
    ],
    ids=lambda answer: f"{answer[0]}-{len(answer[2])}",
)
def test_keys_that_cannot_be_had_are_a_503_and_no_crash(api, issuer, identity, broken):
    issuer.server.answers["/keys"] = broken
    for _ in range(2):  # the second time without asking again
        answer = me(api, issuer.token())
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:ctem:problem:unavailable"
        assert int(answer.headers["Retry-After"]) > 0
    assert issuer.fetches == 1


def test_keys_that_are_known_are_good_while_the_issuer_is_down(api, issuer, identity):
    assert me(api, issuer.token()).status_code == 200
    issuer.server.answers.clear()
    assert me(api, issuer.token()).status_code == 200


def test_a_description_of_another_issuer_names_no_keys_of_this_one(api, issuer, identity):
    issuer.publish({"issuer": "https://gitlab.com", "jwks_uri": f"{issuer.server.url}/keys"})
    assert me(api, issuer.token()).status_code == 503
    assert issuer.fetches == 0


def test_keys_in_a_network_that_is_not_ours_to_ask_are_not_fetched(api, issuer, identity):
    issuer.publish({"issuer": issuer.url, "jwks_uri": "http://169.254.169.254/keys"})
    assert me(api, issuer.token()).status_code == 503


# --- what the account may ------------------------------------------------------------------------
def test_a_run_may_upload_and_propose_in_its_scope_and_nothing_else(identity, scope, outsider):
    user = acting(identity)
    allowed = {permission for permission in Permission if can(user, permission, scope.pk)}
    assert allowed == {Permission.READ, Permission.UPLOAD_SCAN, Permission.PROPOSE_FIX}
    elsewhere = make.make_scope()
    make.add_member(elsewhere, identity.user, "admin")
    assert not any(can(user, permission, elsewhere.pk) for permission in Permission)
    make.add_member(scope, identity.user, "admin")  # a role that somebody gives it changes nothing
    assert not can(user, Permission.ADMINISTER, scope.pk)
    assert not can(user, Permission.CLAIM, scope.pk)


def acting(identity):
    user = identity.user
    claims = Claims(identity.issuer, "github-actions", identity.repository, sha=SHA)
    user.workload = Workload(identity.pk, identity.asset_id, identity.scope_id, claims)
    return user


def test_a_run_cannot_make_a_token_that_outlives_it(api, issuer, identity):
    headers = {"Authorization": f"Bearer {issuer.token()}"}
    answer = api.post("/api/v1/tokens/", {"name": "forever"}, headers=headers)
    assert answer.status_code == 403
    assert not ApiToken.objects.filter(user=identity.user).exists()


# --- adding and ending ---------------------------------------------------------------------------
def test_an_identity_comes_with_its_account_and_leaves_events(identity, admin, scope, issuer):
    account = identity.user
    assert account.kind == UserKind.SERVICE and not account.has_usable_password()
    assert account.memberships.get().role == "pipeline"
    event = Event.objects.get(action="pipeline.added")
    assert (event.actor, event.scope_id, event.data["repository"]) == (admin, scope.pk, "acme/shop")
    end_pipeline_identity(identity=identity, by=admin, at=make.now())
    end_pipeline_identity(identity=identity, by=admin, at=make.now())  # for good, and once
    identity.refresh_from_db()
    assert identity.ended_by == admin and not identity.user.is_active
    assert Event.objects.filter(action="pipeline.ended").count() == 1


def test_only_administrators_add_and_end(asset, issuer, identity, approver, outsider):
    for user in (approver, outsider):
        with pytest.raises(NotAllowed):
            add(asset, user, issuer, repository="acme/other")
        with pytest.raises(NotAllowed):
            end_pipeline_identity(identity=identity, by=user, at=make.now())
    assert PipelineIdentity.objects.get().ended_at is None


def test_an_issuer_that_is_not_allowed_and_a_pipeline_that_is_known_are_refused(
    asset, admin, issuer, identity
):
    with pytest.raises(BadInput, match="takes tokens of"):
        add_pipeline_identity(asset=asset, issuer="https://evil.example", repository="acme/shop",
                              by=admin, at=make.now())  # fmt: skip
    with pytest.raises(WrongState, match="known for the asset already"):
        add(asset, admin, issuer)
    assert add(asset, admin, issuer, ref="refs/heads/main").pk != identity.pk


@pytest.mark.django_db(transaction=True)
def test_the_database_holds_that_the_asset_is_of_the_scope(identity):
    identity.scope = make.make_scope()
    with pytest.raises(IntegrityError), transaction.atomic():
        identity.save()
