"""Pages of webhooks: what is shown to whom, what forms do, and that the secret is shown once."""

import pytest

from tests import factories as make
from tests.pages.markup import Page, faults
from tests.tickets.hooked import hook, told_of
from tickets.models import WebhookEndpoint
from tickets.services.webhook_messages import secrets_of
from tickets.services.webhook_sending import send_due

pytestmark = pytest.mark.django_db
ADDRESS = "https://hooks.example/T0KEN"


def opened(browse, user, path):
    page = Page(browse(user).get(path))
    assert list(faults(page)) == []
    return page


def body(scope, **members):
    return {"scope": scope.pk, "name": "Chat", "url": ADDRESS, "actions": "finding.*\n\n scan.* ",
            "payload": "thin", **members}  # fmt: skip


def test_making_one_shows_the_secret_once(browse, scope, admin):
    response = browse(admin).post("/integrations/webhooks/new/", body(scope))
    page = Page(response)
    assert response.status_code == 200 and list(faults(page)) == []
    made = WebhookEndpoint.objects.get()
    (secret,) = secrets_of(made, make.now())
    assert made.actions == ["finding.*", "scan.*"] and secret in page.content
    for path in ("/integrations/webhooks/", made.get_absolute_url(), "/audit/"):
        assert secret not in opened(browse, admin, path).content
    rotated = Page(browse(admin).post(f"{made.get_absolute_url()}secret/"))
    assert secrets_of(WebhookEndpoint.objects.get(), make.now())[0] in rotated.content
    assert "The one before signs too until" in rotated.text


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"url": "http://hooks.example/"}, "is fetched by https:// only"),
        ({"actions": "Finding"}, "must be an action or a pattern"),
        ({"actions": " "}, "This field is required."),
        ({"name": ""}, "This field is required."),
        ({"payload": "all"}, "Select a valid choice"),
    ],
)
def test_a_form_that_cannot_be_used_says_where(browse, scope, admin, members, said):
    response = browse(admin).post("/integrations/webhooks/new/", body(scope, **members))
    page = Page(response)
    assert response.status_code == 400 and said in page.text and list(faults(page)) == []
    assert not WebhookEndpoint.objects.exists()


def test_a_scope_that_one_does_not_administer_cannot_be_chosen(browse, scope, outsider, viewer):
    assert browse(outsider).post("/integrations/webhooks/new/", body(scope)).status_code == 400
    assert browse(viewer).post("/integrations/webhooks/new/", body(scope)).status_code == 403
    assert "you administer none" in opened(browse, viewer, "/integrations/webhooks/new/").text
    assert not WebhookEndpoint.objects.exists()


def test_who_does_not_administer_the_scope_sees_that_it_is_there_and_no_more(browse, scope, viewer):
    endpoint, _ = hook(scope, ADDRESS)
    told_of(scope, "finding.closed")
    page = opened(browse, viewer, endpoint.get_absolute_url())
    assert "Administrators of the scope" in page.text
    assert "T0KEN" not in page.content and "finding.closed" not in page.content
    assert "Receiver" not in opened(browse, viewer, "/integrations/webhooks/").text


def test_deliveries_are_shown_with_what_became_of_them_and_sent_again(
    browse, scope, admin, settings
):
    settings.OUTBOUND_PLAIN_HOSTS = settings.OUTBOUND_PRIVATE_HOSTS = []
    endpoint, _ = hook(scope, "https://127.0.0.1/in")
    first, _ = told_of(scope, "finding.closed", "finding.opened")
    send_due(endpoint.pk)
    path = endpoint.get_absolute_url()
    page = opened(browse, admin, path)
    assert (
        "not asked from here" in page.text and "1 attempt" in page.text and "2 waiting" in page.text
    )
    client = browse(admin)
    assert client.post(f"{path}deliveries/1/resend/").status_code == 302
    assert client.post(f"{path}deliveries/9/resend/").status_code == 404
    first.note, first.last_status = "<script>alert(1)</script>", 500
    first.save()
    assert "<script>alert" not in opened(browse, admin, path).content
    client.post(f"{path}try/")
    assert "ctem.test" in opened(browse, admin, path).text


def test_it_is_paused_resumed_changed_and_ended(browse, scope, admin):
    endpoint, _ = hook(scope, ADDRESS)
    client, path = browse(admin), endpoint.get_absolute_url()
    for verb, state in (("pause", "off"), ("resume", "on")):
        client.post(f"{path}{verb}/")
        assert WebhookEndpoint.objects.get().state == state
        assert list(faults(Page(client.get(path)))) == []
    told = body(scope, name="Talk", actions="*")
    told.pop("scope")
    client.post(f"{path}change/", told)
    assert WebhookEndpoint.objects.get().actions == ["*"]
    refused = client.post(f"{path}change/", {**told, "url": "ftp://a/"}, follow=True)
    assert "callout-fail" in refused.content.decode()
    WebhookEndpoint.objects.update(state="disabled", reason="It answered 410.")
    assert "It answered 410." in opened(browse, admin, path).text
    assert "It answered 410." in opened(browse, admin, "/integrations/webhooks/").text
    client.post(f"{path}end/")
    page = opened(browse, admin, path)
    assert "Ended by" in page.text and "Change" not in page.text
