"""Webhooks in the API: their secret comes once, what was sent is read and sent again, by administrators."""

from tests import factories as make
from tests.tickets.hooked import hook, told_of
from tickets.models import WebhookEndpoint
from tickets.services.webhook_messages import secrets_of
from tickets.services.webhook_sending import send_due

BODY = {"name": "Chat", "url": "https://chat.example/in", "actions": ["finding.*"]}


def test_a_webhook_is_made_changed_paused_resumed_tried_and_ended(api, world):
    admin = api(world.admin)
    made = admin.post("webhooks/", {**BODY, "scope": world.scope.pk})
    assert made.status_code == 201
    told = made.json()
    row = WebhookEndpoint.objects.get(pk=told["webhook"]["id"])
    assert secrets_of(row, make.now()) == [told["secret"]]
    path = f"webhooks/{row.pk}/"
    changed = admin.post(f"{path}change/", {"payload": "full", "actions": ["*"]}).json()
    assert (changed["payload"], changed["actions"], changed["name"]) == ("full", ["*"], "Chat")
    assert admin.post(f"{path}pause/").json()["state"] == "off"
    assert admin.post(f"{path}pause/").status_code == 409
    assert admin.post(f"{path}resume/").json()["state"] == "on"
    rotated = admin.post(f"{path}rotate-secret/").json()
    assert rotated["secret"] != told["secret"] and rotated["webhook"]["old_secret_until"]
    tried = admin.post(f"{path}test/")
    assert (tried.status_code, tried.json()["action"]) == (202, "ctem.test")
    assert admin.get(path).json()["waiting"] == 1
    assert admin.post(f"{path}end/").json()["state"] == "ended"
    assert admin.post(f"{path}test/").status_code == 409
    for read in ("webhooks/", path, f"{path}deliveries/", "events/"):
        text = admin.get(read).text
        assert told["secret"] not in text and rotated["secret"] not in text and "sealed" not in text


def test_deliveries_are_read_in_pages_and_sent_again(api, world, settings):
    settings.OUTBOUND_PLAIN_HOSTS = settings.OUTBOUND_PRIVATE_HOSTS = []
    admin = api(world.admin)
    row, _ = hook(world.scope, "https://127.0.0.1/in", name="Down")
    told_of(world.scope, "finding.a", "finding.b")
    send_due(row.pk)
    path = f"webhooks/{row.pk}/deliveries/"
    page = admin.get(f"{path}?page_size=1").json()
    (last,) = page["results"]
    assert (last["number"], last["state"]) == (2, "waiting")
    (first,) = admin.get(page["next"].removeprefix("http://testserver")).json()["results"]
    assert (first["number"], first["attempts"]) == (1, 1)
    assert "not asked from here" in first["note"]
    again = admin.post(f"{path}1/resend/")
    assert (again.status_code, again.json()["message_id"]) == (202, first["message_id"])
    assert admin.post(f"{path}99/resend/").status_code == 404


def test_what_cannot_be_used_is_400_with_its_place_and_without_the_address(api, world):
    admin, before = api(world.admin), WebhookEndpoint.objects.count()
    for members, where in (
        ({"url": "http://10.0.0.1/s3cret"}, "url"),
        ({"actions": ["A B"]}, "actions/0"),
    ):
        response = admin.post("webhooks/", {**BODY, "scope": world.scope.pk, **members})
        assert (response.status_code, response.json()["where"]) == (400, where)
        assert "s3cret" not in response.text
    assert (
        admin.post("webhooks/", {**BODY, "scope": world.scope.pk, "payload": "x"}).status_code
        == 400
    )
    assert WebhookEndpoint.objects.count() == before


def test_members_of_the_scope_who_do_not_administer_it_read_nothing_of_it(api, world):
    row = WebhookEndpoint.objects.filter(scope=world.scope).earliest("pk")
    analyst = api(world.analyst)
    assert analyst.get("webhooks/").json()["results"] == []
    assert analyst.get(f"webhooks/{row.pk}/").status_code == 404
    assert analyst.get(f"webhooks/{row.pk}/deliveries/").status_code == 404
    assert analyst.post(f"webhooks/{row.pk}/pause/").status_code == 403
    assert len(api(world.admin).get("webhooks/?state=on").json()["results"]) == 1
    assert api(world.admin).get("webhooks/?state=gone").status_code == 400
