"""The buttons of our own runner: verify a fix now, cancel a scan; and what a schedule looks like."""

from core.permissions import Role
from scans.models import Scan
from scans.services.schedules import set_schedule
from scopes.models import Asset
from tests import factories as make
from tests.pages.markup import Page


def given_a_repository(world):
    Asset.objects.filter(pk=world.asset.pk).update(repository="/srv/repositories/web")


def form_to(page, ending):
    return [f for f in page.all("form") if f.attributes.get("action", "").endswith(ending)]


def test_verify_now_orders_scans_and_says_so(world, browse):
    given_a_repository(world)
    client = browse(world.member("developer"))
    page = Page(client.get(world.fix.get_absolute_url()))
    (form,) = form_to(page, "/verify/")
    answer = client.post(form.attributes["action"], follow=True)
    assert "The scans are ordered" in Page(answer).text
    ordered = Scan.objects.filter(remediation=world.fix, recipe__name="bandit")
    assert sorted(ordered.values_list("purpose", flat=True)) == ["control", "fix"]


def test_where_nothing_can_be_verified_the_button_says_why(world, browse):
    page = Page(browse(world.member("developer")).get(world.fix.get_absolute_url()))
    assert not form_to(page, "/verify/")
    (button,) = [b for b in page.all("button") if b.text == "Verify now"]
    assert button.attributes["aria-disabled"] == "true"
    assert "The asset has no repository" in page.text
    given_a_repository(world)
    page = Page(browse(world.member("viewer")).get(world.fix.get_absolute_url()))
    assert "does not allow you to order scans" in page.text


def test_a_scan_that_waits_can_be_cancelled_on_its_page(world, browse):
    given_a_repository(world)
    client = browse(world.member("developer"))
    client.post(f"/remediations/{world.fix.pk}/verify/")
    scan = Scan.objects.filter(recipe__name="bandit").earliest("pk")
    (form,) = form_to(Page(client.get(scan.get_absolute_url())), "/cancel/")
    page = Page(client.post(form.attributes["action"], follow=True))
    assert "The scan is cancelled." in page.text and "cancelled by developer" in page.text
    assert not form_to(page, "/cancel/")
    scan.refresh_from_db()
    assert scan.state == "cancelled"
    again = Page(client.post(form.attributes["action"], follow=True))
    assert "The scan is over." in again.text


def test_who_may_not_order_sees_no_button_to_cancel(world, browse):
    given_a_repository(world)
    browse(world.member("developer")).post(f"/remediations/{world.fix.pk}/verify/")
    scan = Scan.objects.filter(recipe__name="bandit").earliest("pk")
    assert not form_to(
        Page(browse(world.member("viewer")).get(scan.get_absolute_url())), "/cancel/"
    )


def test_a_daily_scan_stands_beside_its_line(world, browse):
    given_a_repository(world)
    world.asset.refresh_from_db()
    set_schedule(line=make.default_line(world.asset), recipe="bandit", hour=2,
                 by=world.member(Role.ADMIN), at=make.now())  # fmt: skip
    page = Page(browse(world.member("viewer")).get(f"/scopes/{world.scope.slug}/"))
    assert "each day by bandit from 02:00 UTC" in page.text
