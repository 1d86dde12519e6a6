"""The page on which findings move in: what a file would do, then doing it."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.permissions import Role
from findings.models import ExternalKey, Finding
from tests import factories as make

CSV = "key,tool,rule,severity,path,line,title\nA-1,Semgrep,sqli,high,app/db.py,3,<b>Bold</b>\n"


def sent(client, asset, do, text=CSV, **members):
    file = SimpleUploadedFile("<i>.csv", text.encode())
    line = make.default_line(asset)
    return client.post(f"/assets/{asset.pk}/move-in/run/",
                       {"source": "csv", "file": file, "line": line.pk, "do": do, **members})  # fmt: skip


@pytest.fixture
def asset(world):
    return world.asset


@pytest.fixture
def admin(browse, asset):
    return browse(make.member(asset.scope, Role.ADMIN))


def test_it_counts_before_it_writes(admin, asset):
    page = sent(admin, asset, "preview")
    assert "What it would do" in page.content.decode() and not ExternalKey.objects.exists()
    page = sent(admin, asset, "move")
    assert "Moved in" in page.content.decode()
    assert Finding.objects.get(path="app/db.py").title == "<b>Bold</b>"


def test_a_file_that_cannot_be_used_says_why_beside_the_field(admin, asset):
    page = sent(admin, asset, "move", CSV.replace("high", ""))
    text = page.content.decode()
    assert page.status_code == 422 and "row 1, severity" in text and "<i>.csv" not in text
    assert sent(admin, asset, "move", columns="nonsense").status_code == 422


def test_the_columns_of_a_table_are_named_line_by_line(admin, asset):
    page = sent(admin, asset, "preview", CSV.replace("key,", "Issue,"), columns="key=Issue\n")
    assert page.status_code == 200 and page.context["told"].new == 1


def test_a_line_of_another_asset_is_no_choice(admin, asset):
    other = make.default_line(make.make_asset(asset.scope))
    assert sent(admin, asset, "move", line=other.pk).status_code == 422


def test_who_does_not_administer_sees_no_form_and_moves_nothing(browse, asset):
    client = browse(make.member(asset.scope, Role.APPROVER))
    assert (
        "Administrators of the scope" in client.get(f"/assets/{asset.pk}/move-in/").content.decode()
    )
    assert sent(client, asset, "move").status_code == 302 and not ExternalKey.objects.exists()


def test_what_moved_in_and_no_scan_has_seen_has_a_page(admin, asset):
    sent(admin, asset, "move")
    finding = Finding.objects.get(path="app/db.py")
    page = admin.get(finding.get_absolute_url())
    assert page.status_code == 200 and "&lt;b&gt;Bold" in page.content.decode()
