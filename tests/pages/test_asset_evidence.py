"""The evidence page of an asset."""

import pytest

from findings.models import Finding
from tests import factories as make
from tests.code import Code, sarif_of
from tests.pages.markup import Page, faults

WEAK = Code({"app/a.py": "def show(a):\n    return eval(a)\n"})


@pytest.fixture
def client(world, browse):
    return browse(world.member("viewer"))


def shown(client, asset):
    response = client.get(f"/assets/{asset.pk}/evidence/")
    assert response.status_code == 200
    page = Page(response)
    assert list(faults(page)) == []
    return page


def test_it_says_what_arrives_what_is_missing_and_whose_it_is(client, world):
    asset = make.make_asset(world.scope)
    make.upload_and_ingest(asset, sarif_of(WEAK), {"scope": "full"})
    text = shown(client, asset).text
    assert "CONTENT_BINDING" in text
    assert "(whoever runs the scans)" in text
    assert "somebody said so" in text
    finding = Finding.objects.get(asset=asset)
    assert f"tried on {finding}" in " ".join(text.split())


def test_without_any_scan_it_says_how_one_comes(client, world):
    assert "No full scan arrives yet" in shown(client, make.make_asset(world.scope)).text
