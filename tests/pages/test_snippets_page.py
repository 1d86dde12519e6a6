"""The page with what an asset's pipelines need: the address of this server, no key, which pipelines are known."""

import subprocess
import sys

from django.test import Client
from django.utils import timezone

from scopes.services import add_pipeline_identity, end_pipeline_identity
from tests.pages.markup import Page

GITHUB = "https://token.actions.githubusercontent.com"


def page_of(world, browse, role="viewer", **headers):
    client = browse(world.member(role))
    return Page(client.get(f"/assets/{world.asset.pk}/snippets/", **headers))


def test_each_text_can_be_copied_and_has_this_servers_address(world, browse, settings):
    settings.ALLOWED_HOSTS = ["ctem.example"]
    client = browse(world.member("viewer"))
    response = client.get(
        f"/assets/{world.asset.pk}/snippets/", headers={"host": "ctem.example"}, secure=True
    )
    text = response.content.decode()
    for key in ("github", "gitlab", "azure", "jenkins", "shell"):
        assert f'id="text-{key}"' in text and f'data-copies="text-{key}"' in text
    assert text.count("https://ctem.example/api/v1/pipeline-identities/") == 1
    assert text.count("&#x27;https://ctem.example&#x27;") == 4  # and once without need of quotes
    assert f"-F asset={world.asset.pk}" in text
    assert "ctem_" not in text


def test_the_scope_leads_there(world, browse):
    client = browse(world.member("viewer"))
    scope = client.get(f"/scopes/{world.scope.slug}/").content.decode()
    assert f'href="/assets/{world.asset.pk}/snippets/"' in scope


def test_it_says_which_pipelines_are_known_until_they_end(world, browse):
    admin = world.member("admin")
    assert "None yet" in page_of(world, browse).text
    identity = add_pipeline_identity(
        asset=world.asset, issuer=GITHUB, repository="acme/<b>shop", repository_id="4242",
        ref="refs/heads/main", by=admin, at=timezone.now(),
    )  # fmt: skip
    page = page_of(world, browse)
    assert "acme/<b>shop" in page.text and "number 4242" in page.text
    assert "None yet" not in page.text
    end_pipeline_identity(identity=identity, by=admin, at=timezone.now())
    assert "None yet" in page_of(world, browse).text


def test_who_may_not_add_one_reads_who_may(world, browse):
    assert "An administrator of the scope tells" in page_of(world, browse, "viewer").text
    assert "Tell the server once" in page_of(world, browse, "admin").text


def test_the_gate_is_there_as_a_program_without_signing_in(db, tmp_path):
    response = Client().get("/.well-known/ctem-gate.pyz")
    assert response.status_code == 200
    assert response["Cache-Control"].startswith("public, max-age=")
    (tmp_path / "gate.pyz").write_bytes(response.content)
    command = [sys.executable, "-I", "-S", str(tmp_path / "gate.pyz"), "run", "--out", "out"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (3, "")
    assert "needs -- and the scanner's command" in told.stderr
