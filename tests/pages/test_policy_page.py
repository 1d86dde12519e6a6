"""The policy of a scope: what is in force, what was, and trying and putting in force another one."""

import pytest

from core.models import Event
from core.permissions import Role
from findings.statuses import Status
from gate.policy import DEFAULT
from scans.models import Verification
from scopes.models import Policy
from scopes.services import put_in_force
from tests import factories as make
from tests.pages.addresses import STRICTER
from tests.pages.markup import Page, faults

TEXT = DEFAULT.to_toml().decode()
SOFT = TEXT.replace('level = "warning"', 'level = "error"')
LINE = 1 + TEXT[: TEXT.index('level = "warning"')].count("\n")
HOSTILE = STRICTER.replace('"stricter"', "\"<script>alert('x')</script>\"")


@pytest.fixture
def url(world):
    return f"/scopes/{world.scope.slug}/policy/"


@pytest.fixture
def client(world, browse):
    return browse(world.member("admin"))


def proposed(world, toml=STRICTER, **more):
    return {"toml": toml, "replaces": world.scope.policy.digest, **more}


def written(page):
    """What stands in the form."""
    (field,) = page.all("textarea")
    return "".join(field.texts).removeprefix("\n")


def stored(world):
    world.scope.refresh_from_db()
    return Policy.objects.count(), Event.objects.count(), world.scope.policy_id


def test_the_policy_in_force_stands_there_with_who_set_it_and_when(world, browse, url):
    page = Page(browse(world.member("viewer")).get(url))
    assert DEFAULT.digest in page.text
    assert "In force: default" in page.text and "by CTEM" in page.text
    assert url in Page(browse(world.member("viewer")).get(f"/scopes/{world.scope.slug}/")).links()
    assert url in Page(browse(world.member("viewer")).get("/scopes/")).links()


def test_the_table_has_every_check_at_every_tier_and_marks_what_is_fixed(world, client, url):
    page = Page(client.get(url))
    rows = {e.text: e for e in page.all("tr")}
    absent = next(text for text in rows if "ORIGINAL_ABSENT" in text)
    control = next(text for text in rows if "POSITIVE_CONTROL" in text)
    assert "†" in absent and absent.endswith("always always always")
    assert "†" not in control and control.endswith("not required required required")
    assert "People who must approve 1 1 2" in rows
    assert not [e for e in page.all("input", type="checkbox") if e.within("main")]


def test_the_page_takes_few_queries_whatever_was_in_force(
    world, client, url, django_assert_max_num_queries
):
    admin = world.member("admin")
    for n in range(25):
        toml = STRICTER.replace('"stricter"', f'"version {n}"').encode()
        put_in_force(scope=world.scope, toml=toml, by=admin, at=make.now())
    with django_assert_max_num_queries(15):
        page = Page(client.get(url))
    assert "version 5" in page.text and "6 older ones" in page.text
    assert len(page.content) < 250_000


def test_who_may_not_change_it_reads_why_and_has_no_form(world, browse, url):
    for role in set(Role) - {Role.ADMIN}:
        page = Page(browse(world.member(role)).get(url))
        assert "Your role in this scope does not allow you to administer." in page.text
        assert not page.all("textarea")


def test_the_form_begins_as_the_policy_in_force(world, client, url):
    assert written(Page(client.get(url))) == world.scope.policy.toml


def test_a_text_is_checked_and_kept_nowhere(world, client, url):
    before = stored(world)
    response = client.post(f"{url}try/", proposed(world, do="check"))
    assert response.status_code == 200
    assert "stricter can be used." in Page(response).text
    assert written(Page(response)) == STRICTER
    assert stored(world) == before


def test_an_error_is_told_with_its_line_and_the_text_stays(world, client, url):
    for address in (f"{url}try/", f"{url}put/"):
        response = client.post(address, proposed(world, SOFT, do="check"))
        page = Page(response)
        assert response.status_code == 422
        assert f"Refused, line {LINE}." in page.text
        assert "NOTHING_NEW cannot be relaxed: at most 'warning'" in page.text
        assert f'{LINE} level = "error"' in page.text
        assert 'level = "error"' in page.all("textarea")[0].text
    assert "Refused, line 3." in Page(
        client.post(f"{url}try/", proposed(world, 'schema = "ctem.policy/1"\nname = "x"\n[low'))
    ).text  # fmt: skip


def test_a_comparison_says_in_words_what_differs(world, client, url):
    other = STRICTER.replace("changed_files = 10", "changed_files = 6").replace(
        '"SCAN_FRESH", ', ""
    )
    page = Page(client.post(f"{url}try/", proposed(world, other, do="compare")))
    assert "People who must approve: 1 → 2 at low and medium" in page.text
    assert "SCAN_FRESH is no longer required at medium and high" in page.text
    assert "Raises the tier: more changed files than: 10 → 6" in page.text


def test_past_closures_are_judged_by_it_and_nothing_is_kept(world, client, url):
    before = stored(world), Verification.objects.count()
    page = Page(client.post(f"{url}try/", proposed(world, do="replay", last=5)))
    assert "1 of 1 closure would not have been closed." in page.text
    (row,) = page.all("tr", data_row="")
    assert f"CTEM-{world.closed.pk}" in row.text and "passed" in row.text
    assert "HUMAN_REVIEW passed then and is unknown now" in row.text
    assert world.closed.get_absolute_url() in page.links()
    assert list(faults(page)) == []
    same = Page(client.post(f"{url}try/", proposed(world, TEXT, do="replay")))
    assert "All 1 closure would have been closed as well." in same.text
    assert "This very policy is in force already." in same.text
    assert (stored(world), Verification.objects.count()) == before


def test_without_closures_it_says_so_and_more_than_a_hundred_are_refused(client, world, url):
    empty = make.make_scope()
    admin = make.add_member(empty, world.member("admin"), Role.ADMIN)
    response = client.post(f"/scopes/{empty.slug}/policy/try/", proposed(world, do="replay"))
    assert admin and "Nothing has been closed in this scope yet" in Page(response).text
    response = client.post(f"{url}try/", proposed(world, do="replay", last=101))
    assert response.status_code == 422
    assert "less than or equal to 100" in Page(response).text


def test_putting_it_in_force_makes_a_version_and_keeps_the_old_one(world, client, url):
    response = client.post(
        f"{url}put/", proposed(world, STRICTER.replace("\n", "\r\n")), follow=True
    )
    page = Page(response)
    world.scope.refresh_from_db()
    assert world.scope.policy.toml == STRICTER
    assert "stricter is in force: from now on it judges" in page.text
    assert "In force: stricter" in page.text
    versions = next(e for e in page.all("ol") if "versions" in e.attributes.get("class", ""))
    assert versions.text.index("stricter") < versions.text.index("default")
    assert "What it changed : stricter · People who must approve: 1 → 2" in versions.text
    assert Event.objects.filter(action="scope.policy_set").get().actor == world.member("admin")
    world.closed.refresh_from_db()
    assert world.closed.status == Status.MOBILIZATION_COMPLETE


def test_two_versions_can_be_compared_by_a_link(world, client, url):
    put_in_force(scope=world.scope, toml=STRICTER.encode(), by=world.member("admin"), at=make.now())
    old, new = (Policy.objects.get(name=name).pk for name in ("default", "stricter"))
    page = Page(client.get(f"{url}?from={new}&to={old}"))
    assert "From stricter to default" in page.text
    assert "People who must approve: 2 → 1" in page.text
    assert list(faults(page)) == []
    for ends in ("from=x&to=1", "from=999999", "to=%00"):
        assert client.get(f"{url}?{ends}").status_code == 200


def test_a_proposal_that_was_compared_with_another_policy_is_refused(world, client, url):
    sent = proposed(world)
    third = STRICTER.replace('"stricter"', '"third"').encode()
    put_in_force(scope=world.scope, toml=third, by=world.member("admin"), at=make.now())
    response = client.post(f"{url}put/", sent)
    assert response.status_code == 409
    assert "Another policy was put in force meanwhile: third" in Page(response).text
    (field,) = Page(response).all("input", name="replaces")
    world.scope.refresh_from_db()
    assert field.attributes["value"] == world.scope.policy.digest


def test_a_name_means_one_text(world, client, url):
    changed = TEXT.replace("reviewers = 1 ", "reviewers = 2 ")
    response = client.post(f"{url}put/", proposed(world, changed))
    assert response.status_code == 409
    assert "already means another policy here" in Page(response).text


def test_what_a_policy_is_called_is_text_and_never_markup(world, client, url):
    response = client.post(f"{url}put/", proposed(world, HOSTILE), follow=True)
    page = Page(response)
    assert "<script>alert(" not in response.content.decode()
    assert "In force: <script>alert('x')</script>" in page.text
    assert list(faults(page)) == []
