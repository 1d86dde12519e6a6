"""Single sign-on against a real issuer: who gets which account and which roles, and who does not."""

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory

from core.models import User
from core.permissions import Role
from ctem import environment
from people.sso import SocialAdapter
from scopes.models import GivenBy, Membership
from scopes.services import set_member
from scopes.services.invitations import invite
from tests import factories as make
from tests.people.issuer import issuing
from tests.people.signing import browser, events, is_in, with_password
from tests.people.test_requirements import TOKEN, aged

GRACE = {"preferred_username": "grace", "name": "Grace Hopper", "email": "grace@example.org",
         "email_verified": True, "groups": ["soc"]}  # fmt: skip


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with issuing(tmp_path_factory.mktemp("issuer")) as running:
        yield running


@pytest.fixture
def issuer(process, settings, scope, monkeypatch):
    monkeypatch.setenv("CTEM_SSO_CLIENT_ID", "ctem")
    monkeypatch.setenv("CTEM_SSO_CLIENT_SECRET", "a secret of ours")
    settings.SSO_ISSUER, settings.SSO_NAME = process.url, "Acme login"
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": environment.single_sign_on(process.url, "Acme login")
    }
    settings.SSO_ROLES = environment.roles(["soc=shop:analyst", "soc-leads=shop:admin"])
    process.knows("g1", **GRACE)
    return process


def start(client, **told):
    answer = client.get("/sign-in/sso/start/", {"process": "login", **told})
    assert answer.status_code == 302, answer.content.decode()
    return answer["Location"]


def come_back(client, address):
    return client.get(address.partition("testserver")[2])


def sign_in(issuer, sub, client=None, **told):
    client = client or Client()
    client.answer = come_back(client, issuer.lets_in(start(client, **told), sub))
    return client


def roles(user):
    return {
        row.scope.slug: (row.role, row.given_by) for row in user.memberships.select_related("scope")
    }


def test_who_is_in_a_group_gets_an_account_and_the_role_that_it_means(issuer):
    client = sign_in(issuer, "g1", next="/scans/")
    assert client.answer["Location"] == "/scans/"
    assert is_in(client)
    user = User.objects.get(username="grace")
    assert (user.email, user.get_full_name()) == ("grace@example.org", "Grace Hopper")
    assert not user.has_usable_password()
    assert roles(user) == {"shop": ("analyst", GivenBy.SSO)}
    assert [e.data["username"] for e in events("user.created")] == ["grace"]
    assert events("sign_in.done")[0].data["method"] == ["sso"]
    assert client.get("/scopes/shop/").status_code == 200


def test_the_way_there_carries_a_state_and_proves_the_code_is_ours(issuer):
    told = parse_qs(urlsplit(start(Client())).query)
    assert told["code_challenge_method"] == ["S256"]
    assert len(told["state"][0]) >= 16
    assert told["redirect_uri"] == ["http://testserver/sign-in/sso/back/"]


def test_the_answer_for_another_browser_or_a_second_time_opens_nothing(issuer):
    mine, other = Client(), Client()
    back = issuer.lets_in(start(mine), "g1")
    refused = come_back(other, back)
    assert refused.status_code == 403
    assert not is_in(other)
    come_back(mine, back)
    assert is_in(mine)
    mine.post("/sign-out/")
    assert come_back(mine, back).status_code == 403
    assert not is_in(mine)


def test_roles_follow_the_groups_at_each_sign_in(issuer):
    make.member(make.Scope.objects.get(slug="shop"), "admin")
    sign_in(issuer, "g1")
    user = User.objects.get(username="grace")
    issuer.knows("g1", **{**GRACE, "groups": ["soc", "soc-leads", "others"]})
    sign_in(issuer, "g1")
    assert roles(user) == {"shop": ("admin", GivenBy.SSO)}
    issuer.knows("g1", **{**GRACE, "groups": []})
    client = sign_in(issuer, "g1")
    assert roles(user) == {}
    assert client.get("/scopes/shop/").status_code == 404
    assert [e.actor for e in events("member.removed")] == [None]


def test_a_role_that_people_gave_stays(issuer, scope, admin):
    sign_in(issuer, "g1")
    user = User.objects.get(username="grace")
    set_member(scope=scope, user=user, role=Role.APPROVER, by=admin, at=make.now())
    issuer.knows("g1", **{**GRACE, "groups": []})
    sign_in(issuer, "g1")
    assert roles(user) == {"shop": ("approver", GivenBy.PEOPLE)}


def test_the_last_administrator_of_a_scope_stays_whatever_the_groups_say(issuer):
    issuer.knows("g1", **{**GRACE, "groups": ["soc-leads"]})
    sign_in(issuer, "g1")
    issuer.knows("g1", **{**GRACE, "groups": []})
    assert is_in(sign_in(issuer, "g1"))
    assert roles(User.objects.get(username="grace")) == {"shop": ("admin", GivenBy.SSO)}


def test_who_is_in_no_group_and_not_invited_gets_no_account(issuer, settings, scope, admin):
    issuer.knows("s1", preferred_username="stranger", email="s@example.org", email_verified=True)
    client = sign_in(issuer, "s1")
    assert not is_in(client)
    assert "no account here" in client.answer.content.decode()
    assert not User.objects.filter(username="stranger").exists()
    invite(scope=scope, email="s@example.org", role="viewer", by=admin, at=make.now())
    assert is_in(sign_in(issuer, "s1"))
    assert roles(User.objects.get(username="stranger")) == {}  # until they accept


def test_where_it_is_open_to_all_a_stranger_sees_nothing(issuer, settings, scope):
    settings.SSO_SIGN_UP = "all"
    issuer.knows("s2", preferred_username="stranger")
    client = sign_in(issuer, "s2")
    assert is_in(client)
    assert client.get("/scopes/shop/").status_code == 404


@pytest.mark.parametrize("verified", [True, False, "false", "true", None])
def test_nobody_takes_over_an_account_by_its_mail_address(issuer, verified):
    victim = with_password(make.make_user("victim"))
    issuer.knows("evil", preferred_username="evil", email=victim.email.upper(), groups=["soc"],
                 email_verified=verified)  # fmt: skip
    client = sign_in(issuer, "evil")
    assert (
        client.get("/profile/").context is None or client.get("/profile/").context["user"] != victim
    )
    assert not SocialAccount.objects.filter(user=victim).exists()
    told = client.answer.content.decode()
    if verified in (True, "true"):
        assert "There is an account already that could be yours" in told
        assert not is_in(client)
    else:  # it is nobody's address, and tells nobody whether there is such an account
        assert User.objects.get(username="evil").email == ""
        assert "account already" not in told


def test_nobody_takes_over_an_account_by_its_user_name(issuer):
    victim = make.make_user("grace")
    victim.email = "another.grace@example.org"
    victim.save()
    sign_in(issuer, "g1")
    made = SocialAccount.objects.get().user
    assert made != victim
    assert made.username != "grace"


def test_the_owner_ties_it_to_their_account_signed_in_and_unties_it(issuer, vic):
    client = browser(vic)
    client.answer = come_back(client, issuer.lets_in(start(client, process="connect"), "g1"))
    assert SocialAccount.objects.get().user == vic
    other = sign_in(issuer, "g1")
    assert other.get("/profile/").context["user"] == vic
    client.post(f"/profile/sign-in/sso/{SocialAccount.objects.get().pk}/untie/")
    assert not SocialAccount.objects.exists()
    assert [e.data["method"] for e in events("second_factor.removed")] == ["sso"]


def test_tying_wants_a_fresh_sign_in(issuer, vic):
    client = aged(browser(vic), 600)
    come_back(client, issuer.lets_in(start(client, process="connect"), "g1"))
    assert not SocialAccount.objects.exists()


def test_the_only_way_in_is_not_untied(issuer):
    client = sign_in(issuer, "g1")
    client.post(f"/profile/sign-in/sso/{SocialAccount.objects.get().pk}/untie/")
    assert SocialAccount.objects.exists()


def test_a_closed_account_stays_closed(issuer):
    sign_in(issuer, "g1")
    User.objects.filter(username="grace").update(is_active=False)
    client = sign_in(issuer, "g1")
    assert client.answer["Location"] == "/sign-in/closed/"
    assert not is_in(client)
    assert "This account is closed" in client.get("/sign-in/closed/").content.decode()


def test_who_is_turned_away_comes_to_a_page_that_says_so(issuer):
    client = Client()
    page = come_back(client, issuer.turns_away(start(client)))
    assert page.status_code == 403
    assert "did not come to its end" in page.content.decode()


def test_an_issuer_that_does_not_answer_is_a_page_too(issuer, settings):
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": environment.single_sign_on("http://127.0.0.1:9", "Acme login")
    }
    page = Client().get("/sign-in/sso/start/", {"process": "login"})
    assert page.status_code == 503
    assert "does not answer now" in page.content.decode()


def test_a_second_factor_that_the_issuer_saw_counts(issuer, settings):
    settings.REQUIRE_MFA = "all"
    assert not is_in(sign_in(issuer, "g1"))
    issuer.knows("g1", **{**GRACE, "amr": ["pwd", "otp"]})
    assert is_in(sign_in(issuer, "g1"))


def test_who_has_no_password_confirms_by_the_single_sign_on(issuer):
    client = aged(sign_in(issuer, "g1"), 600)
    asked = client.post("/tokens/", TOKEN, headers={"Referer": "http://testserver/tokens/"})
    assert asked["Location"].startswith("/sign-in/sso/start/?process=login")
    assert asked["Location"].endswith("&next=%2Ftokens%2F")
    away = client.get(asked["Location"])["Location"]
    assert parse_qs(urlsplit(away).query)["prompt"] == ["login"]
    assert come_back(client, issuer.lets_in(away, "g1"))["Location"] == "/tokens/"
    assert client.post("/tokens/", TOKEN).status_code == 201


def test_a_token_of_one_person_with_the_words_of_another_is_refused(db):
    told = {"id_token": {"sub": "a"}, "userinfo": {"sub": "b", "email": "x@example.org"}}
    account = SimpleNamespace(extra_data=told)
    login = SimpleNamespace(account=account, is_existing=False, email_addresses=[])
    with pytest.raises(ImmediateHttpResponse):
        SocialAdapter().pre_social_login(RequestFactory().get("/"), login)


@pytest.mark.parametrize(
    "told", ["soc", "soc=shop", "soc=shop:root", "=shop:admin", "soc=shop:pipeline"]
)
def test_a_mapping_that_means_nothing_stops_the_start(told):
    with pytest.raises(ImproperlyConfigured, match="GROUP=SCOPE:ROLE is expected"):
        environment.roles([told])


def test_a_name_of_a_group_may_hold_what_directories_write(issuer):
    assert environment.roles(["cn=soc=shop:viewer"]) == {"cn=soc": [("shop", "viewer")]}
    assert Membership.objects.count() == 0
