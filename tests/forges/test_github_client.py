"""GitHub's adapter asks: sign-in, limits, faults, moves; and no secret stands in what it says."""

import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from core.outbound import HostError, Reply, fetch
from forges.hosts.github import GitHub
from forges.hosts.github_client import refusal
from tests.forges.fake_github import FakeGitHub
from tests.forges.openapi import description

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def github(settings):
    with FakeGitHub() as world:
        settings.OUTBOUND_PLAIN_HOSTS = [world.host]
        world.add_repository("shop", {"app.py": "print(1)\n"})
        yield world


# --- sign-in -------------------------------------------------------------------------------------
def test_an_app_signs_in_with_its_own_key_and_is_told_by_its_name(app):
    assert app.account() == "ctem-gate"


def test_a_token_is_told_by_its_login(token):
    assert token.account() == "connector"


def test_the_installation_s_token_is_asked_for_once_and_again_before_its_end(github, app):
    record = next(app.repositories())
    app.tip(record, "main")
    assert _tokens_asked(github) == 1
    app._client._token_until = datetime.now(UTC) + timedelta(minutes=4)
    app.tip(record, "main")
    assert _tokens_asked(github) == 2


def test_a_token_that_github_drops_early_is_asked_for_anew_once(github, app):
    record = next(app.repositories())
    github.installation_tokens.clear()
    assert app.tip(record, "main")
    assert _tokens_asked(github) == 2


def test_a_token_that_github_never_takes_ends_in_an_error(github, app):
    record = next(app.repositories())
    github.fault("/git/ref", 401, times=10)
    with pytest.raises(HostError, match="401") as refused:
        app.tip(record, "main")
    assert refused.value.final


def _tokens_asked(github):
    return sum(path.endswith("/access_tokens") for _, path in github.requests)


def _pem(key):
    kinds = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, *kinds).decode()


@pytest.mark.parametrize("key", ["", "not a key", _pem(ec.generate_private_key(ec.SECP256R1()))])
def test_a_key_that_cannot_sign_is_said_so_and_not_shown(github, key):
    host = GitHub(
        api=github.api, account="acme", app_id="4711", private_key=key, installation="815"
    )
    with pytest.raises(HostError, match="private key") as refused:
        host.account()
    assert refused.value.final
    assert not github.requests
    assert not key or key not in _all_words(refused.value)


@pytest.mark.parametrize("wrong", ["key", "app", "installation"])
def test_a_wrong_key_app_or_installation_is_refused_for_good(github, wrong):
    sign_in = github.app_sign_in()
    if wrong == "key":
        sign_in["private_key"] = _pem(
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )
    sign_in |= {"app": {"app_id": "1"}, "installation": {"installation": "99"}}.get(wrong, {})
    with pytest.raises(HostError) as refused:
        GitHub(api=github.api, account="acme", **sign_in).account()
    assert refused.value.final


def test_the_app_s_pass_lasts_less_than_ten_minutes_and_begins_before_now(github, app):
    claims = jwt.decode(app._client._app_pass(), github.public_key, algorithms=["RS256"])
    now = time.time()
    assert claims["iss"] == "4711"
    assert now - 62 <= claims["iat"] <= now - 59
    assert now + 530 <= claims["exp"] <= now + 541


def test_no_token_at_all_is_refused_before_anything_is_asked(github):
    with pytest.raises(HostError, match="no token"):
        GitHub(api=github.api, account="acme").account()
    assert not github.requests


def test_a_token_that_github_does_not_know_is_refused_and_not_shown(github):
    host = GitHub(api=github.api, account="acme", token="ghp_secret_of_somebody")
    with pytest.raises(HostError, match="does not take our sign-in") as refused:
        host.account()
    assert refused.value.final
    assert "ghp_secret_of_somebody" not in _all_words(refused.value)
    assert "ghp_secret_of_somebody" not in repr(host) + repr(vars(host))


def test_a_token_with_characters_that_no_header_takes_is_refused_and_not_shown(github):
    host = GitHub(api=github.api, account="acme", token="ghp_sécret\nX-Evil: 1")
    with pytest.raises(HostError) as refused:
        host.account()
    assert "cret" not in _all_words(refused.value)


def _all_words(error):
    words, seen = "", error
    while seen is not None:
        words += repr(seen) + str(seen) + repr(vars(seen))
        seen = seen.__cause__
    return words


# --- limits --------------------------------------------------------------------------------------
def test_a_used_up_limit_says_for_how_long(github, token):
    github.requests_left = 0
    github.limit_reset = datetime.now(UTC) + timedelta(seconds=90)
    with pytest.raises(HostError, match="limit") as refused:
        token.account()
    assert not refused.value.final
    assert 80 <= refused.value.retry_after <= 91


def test_a_secondary_limit_with_and_without_a_time(github, token):
    message = "You have exceeded a secondary rate limit. Please wait a few minutes."
    github.fault("GET /user", 403, headers={"Retry-After": "17"}, message=message)
    with pytest.raises(HostError) as first:
        token.account()
    github.fault("GET /user", 403, message=message)
    with pytest.raises(HostError) as second:
        token.account()
    github.fault("GET /user", 429, message="Too many")
    with pytest.raises(HostError) as third:
        token.account()
    assert [one.value.retry_after for one in (first, second, third)] == [17.0, 60.0, 60.0]
    assert not any(one.value.final for one in (first, second, third))


def test_a_limit_while_paging_leaves_what_was_read(github, token):
    first = github.repositories["shop"]
    for number in range(120):
        copy = type(first)(**{**first.__dict__, "id": github.next_id(), "name": f"r{number}"})
        copy.full_name = f"acme/{copy.name}"
        github.repositories[copy.name] = copy
    github.requests_left = 2  # who the account is, and one page
    read = []
    with pytest.raises(HostError) as refused:
        read.extend(record.id for record in token.repositories())
    read_one_by_one = []
    github.requests_left = 2
    with pytest.raises(HostError):
        for record in token.repositories():
            read_one_by_one.append(record.id)
    assert refused.value.retry_after
    assert len(read_one_by_one) == 100


@pytest.mark.parametrize(
    ("status", "headers", "body", "final", "wait"),
    [
        (401, {}, b"", True, None),
        (403, {}, b"Must have admin rights", True, None),
        (403, {}, b"Resource not accessible by integration", True, None),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795435230"}, b"", False, 30.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, b"", False, 1.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, b"", True, None),
        (403, {"x-ratelimit-remaining": "12", "x-ratelimit-reset": "1795435230"}, b"", True, None),
        (404, {}, b"", True, None),
        (410, {}, b"", True, None),
        (422, {}, b"", True, None),
        (429, {"retry-after": "5"}, b"", False, 5.0),
        (500, {}, b"", False, None),
        (502, {}, b"<html>", False, None),
        (503, {"retry-after": "5"}, b"", False, 5.0),
        (301, {}, b"", True, None),
    ],
)
def test_what_github_s_refusals_mean(status, headers, body, final, wait):
    error = refusal(Reply(status, headers, body), AT)
    assert (error.final, error.retry_after) == (final, wait)


def test_what_github_writes_in_a_refusal_is_not_repeated():
    error = refusal(Reply(403, {}, b'{"message": "ghs_token and <script> are SUSPENDED"}'), AT)
    assert "ghs_token" not in str(error)
    assert str(error) == "GitHub says that our sign-in is suspended."


# --- faults --------------------------------------------------------------------------------------
def test_a_server_error_may_be_asked_again_and_then_works(github, token):
    github.fault("GET /user", 502)
    with pytest.raises(HostError) as refused:
        token.account()
    assert not refused.value.final
    assert token.account() == "connector"


def test_a_page_that_breaks_off_is_an_error_and_not_a_short_list(github, token):
    github.fault("/repos$", 200, cut=True)
    with pytest.raises(HostError) as refused:
        list(token.repositories())
    assert not refused.value.final


@pytest.mark.parametrize("answer", [{}, {"items": 7}, "text", 3, [None], [[]]])
def test_an_answer_of_another_shape_is_an_error(github, token, answer):
    github.fault("/repos$", 200, answer=answer)
    with pytest.raises(HostError) as refused:
        list(token.repositories())
    assert refused.value.final


@pytest.mark.parametrize("row", [{}, None, 3, {"id": 1, "full_name": None, "html_url": "x"}])
def test_a_row_that_lacks_what_is_needed_is_an_error(github, token, row):
    github.fault("/repos$", 200, answer=[row])
    with pytest.raises(HostError):
        next(token.repositories())


# --- moves ---------------------------------------------------------------------------------------
def test_a_repository_that_was_renamed_is_still_read_and_written_to(github, app):
    record = next(app.repositories())
    github.rename(github.repositories["shop"], "store")
    assert app.tip(record, "main")
    github.commit(github.repositories["store"], "fix", {"app.py": "print(2)\n"})
    pull = github.open_pull(github.repositories["store"], "fix")
    assert app.comment(record, pull.number, "Hello", "")
    assert next(app.repositories()).full_name == "acme/store"


@pytest.mark.parametrize(
    "where",
    ["https://evil.example.org/x", "http://127.0.0.1:1/x", "//evil.example.org", "", "/relative"],
)
def test_our_token_is_sent_nowhere_else(github, app, where):
    record = next(app.repositories())
    github.fault("/git/ref", 301, headers={"Location": where})
    with pytest.raises(HostError, match="another address") as refused:
        app.tip(record, "main")
    assert refused.value.final


def test_an_api_whose_name_only_begins_alike_is_elsewhere(github, app):
    record = next(app.repositories())
    github.fault("/git/ref", 301, headers={"Location": f"{github.api}9/x"})
    with pytest.raises(HostError, match="another address"):
        app.tip(record, "main")


def test_moves_without_end_end(github, app):
    record = next(app.repositories())
    here = f"{github.api}/repos/acme/shop/git/ref/heads/main"
    github.fault("/git/ref", 301, times=50, headers={"Location": here})
    with pytest.raises(HostError) as refused:
        app.tip(record, "main")
    assert refused.value.final


def test_a_next_page_elsewhere_is_not_followed(github, token):
    link = {"Link": '<https://evil.example.org/2>; rel="next"'}
    github.fault("/repos$", 200, answer=[], headers=link)
    with pytest.raises(HostError, match="another address"):
        list(token.repositories())


def test_pages_that_go_in_a_circle_end(github, token):
    link = {"Link": f'<{github.api}/orgs/acme/repos?per_page=100>; rel="next"'}
    github.fault("/repos$", 200, times=50, answer=[], headers=link)
    with pytest.raises(HostError, match="end") as refused:
        list(token.repositories())
    assert refused.value.final


@pytest.mark.parametrize("name", ["", "shop", "acme/shop/x", "/", "acme/"])
def test_a_repository_s_name_that_is_none_is_not_put_into_an_address(github, app, name):
    record = next(app.repositories())
    odd = type(record)(**{**{n: getattr(record, n) for n in record.__slots__}, "full_name": name})
    with pytest.raises(HostError):
        app.tip(odd, "main")


def test_odd_names_are_quoted_and_change_no_path(github, app):
    record = next(app.repositories())
    for branch in ("a b", "ä", "x?y=1", "x#y", "%2e%2e"):
        with pytest.raises(HostError, match="404"):
            app.tip(record, branch)


# --- the fake ------------------------------------------------------------------------------------
def test_the_fake_is_held_against_one_version_of_github_s_description():
    assert description.api_version() == "2022-11-28"
    assert description.find("GET", "/repos/a/b/git/ref/heads/x/y").path["ref"] == "heads/x/y"
    assert description.find("PUT", "/repos/a/b/contents/x") is None


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/repos/acme/shop/contents/app.py", {}),
        ("PUT", "/repos/acme/shop/pulls/1/merge", {}),
        ("GET", "/user?page=1", {}),
        ("GET", "/repos/acme/shop/pulls?per_page=101", {}),
        ("GET", "/repos/acme/shop/pulls?state=merged", {}),
        ("GET", "/user", {"X-GitHub-Api-Version": "2020-01-01"}),
        ("GET", "/user", {"Accept": "text/html"}),
        ("POST", "/repos/acme/shop/check-runs", {}),
    ],
)
def test_what_github_does_not_describe_fails_the_test_that_asks_it(settings, method, path, headers):
    world = FakeGitHub()
    with pytest.raises(AssertionError, match="GitHub does not do this"), world:
        settings.OUTBOUND_PLAIN_HOSTS = [world.host]
        good = {
            "Authorization": f"Bearer {world.token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        body = b'{"name": "x", "head_sha": "y", "surprise": 1}' if method == "POST" else None
        fetch(method, world.api + path, headers={**good, **headers}, body=body)


def test_an_answer_that_github_would_not_give_fails_the_test(settings):
    world = FakeGitHub()
    with pytest.raises(AssertionError, match="our answer"), world:
        settings.OUTBOUND_PLAIN_HOSTS = [world.host]
        world.add_repository("shop").id = "text"
        with pytest.raises(HostError):
            list(GitHub(api=world.api, account="acme", token=world.token).repositories())
