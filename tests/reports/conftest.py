"""Some findings of one line, two of them proven, to which anything may happen at any time."""

from dataclasses import dataclass
from datetime import datetime

import pytest
from django.db import transaction

from core.permissions import Role
from findings.models import Finding
from findings.statuses import Status
from scopes.models import Scope
from tests import factories as make

MANY = 5


@dataclass
class World:
    scope: Scope
    findings: list[Finding]
    proven: list[Finding]
    base: datetime


def make_world(proven=2):
    asset = make.make_asset()
    done = [make.make_finding(Status.MOBILIZATION_COMPLETE, asset=asset) for _ in range(proven)]
    line = make.default_line(asset)
    paths = [f"app/many_{number}.py" for number in range(MANY)]
    words = ("eval(", "pickle.loads(", "shell=True", "eval(", "shell=True")
    code = make.code_of(line).change(
        {path: make.weak_file(path, word) for path, word in zip(paths, words, strict=True)}
    )
    make.upload_and_ingest(asset, code, line=line)
    for role in (Role.ANALYST, Role.DEVELOPER, Role.APPROVER):
        make.member(asset.scope, role)
    findings = list(Finding.objects.filter(path__in=paths).order_by("pk"))
    return World(asset.scope, findings, done, make.now())


@pytest.fixture(scope="module")
def _built(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


@pytest.fixture
def world(_built, db):
    return _built
