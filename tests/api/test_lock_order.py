"""Locks are taken in one order at every door, with If-Match as without: two requests never wait for each other.

The statements that would lock rows are written as on PostgreSQL and looked at; SQLite runs them without.
"""

import contextlib
import functools
import re
from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Max

from core.permissions import Permission, Role
from findings.statuses import Status
from tests import factories as make
from tests.api.bodies import WRITES, body_of
from tests.races import errors, race

LOCK = re.compile(r" FOR (?:NO KEY )?UPDATE(?: OF [^)]*?)?(?= SKIP LOCKED|\)|$)(?: SKIP LOCKED)?")
FROM = re.compile(r'^SELECT (?:DISTINCT )?.*? FROM "(\w+)"', re.S)
CHANGE = re.compile(r'^(?:UPDATE|DELETE FROM) "(\w+)"')
OURS = ("core_", "scopes_", "findings_", "remediations_", "scans_", "forges_", "tickets_")
# Taken in a transaction of its own around the work, or by nobody who waits for anything else.
APART = {"core_keptanswer", "core_blob", "core_job", "scopes_apitoken"}


@functools.cache
def keys():
    return {model._meta.db_table: model._meta.pk.column for model in apps.get_models()}


@dataclass
class Locks:
    """What the transactions of a request lock, in their order: table and row."""

    last: dict  # table → the last row that was there before the request
    held: list = field(default_factory=list)
    depth: int = 0
    orders: list = field(default_factory=list)
    added: set = field(default_factory=set)  # tables that rows were added to

    def __call__(self, execute, sql, params, many, context):
        if added := re.match(r'INSERT INTO "(\w+)"', sql):
            self.added.add(added[1])
        if sql.startswith("SAVEPOINT"):
            self.depth += 1
        elif sql.startswith(("RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")):
            self.depth -= sql.startswith("RELEASE")
            if self.depth == 0:
                self.end()
        found = LOCK.search(sql)
        plain = LOCK.sub("", sql)
        if found and (table := FROM.match(sql)):
            self._hold(table[1], self._ids(plain, params, table[1]))
        answer = execute(plain if connection.vendor == "sqlite" else sql, params, many, context)
        if (changed := CHANGE.match(sql)) and context["cursor"].rowcount:
            self._hold(changed[1], ["?"])
        return answer

    def _ids(self, sql, params, table):
        key = keys()[table]
        told = FROM.sub(f'SELECT "{table}"."{key}" FROM "{table}"', sql, count=1)  # noqa: S608
        cursor = connection.connection.cursor()
        cursor.execute(told.replace("%s", "?") if connection.vendor == "sqlite" else told, params)
        return [row[0] for row in cursor.fetchall()]

    def _is_own(self, table, row):
        """Whether the request itself added the row, so that nobody else can know it."""
        return isinstance(row, int) and row > self.last.get(table, row)

    def _hold(self, table, ids):
        if table in APART or not table.startswith(OURS):
            return
        known = {row for held, row in self.held if held == table}
        new = [row for row in ids if row not in known and not self._is_own(table, row)]
        if new == ["?"] and (known or table in self.added):  # of rows that are locked already
            return
        self.held += [(table, row) for row in new]

    def end(self):
        if self.held:
            self.orders.append(tuple(self.held))
        self.held = []


@contextlib.contextmanager
def locking(locks):
    """Statements say which rows they lock, also where the engine has one writer at a time."""
    names = ("has_select_for_update", "has_select_for_update_of", "has_select_for_no_key_update",
             "has_select_for_update_skip_locked")  # fmt: skip
    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(locks):
        for name in names:
            patch.setattr(connection.features, name, True)
        yield


def orders_of(clients, world, spec, headers):
    """Every operation that changes something → the orders in which its transactions locked."""
    last = {model._meta.db_table: model.objects.aggregate(last=Max("pk"))["last"] or 0
            for model in apps.get_models() if model._meta.db_table.startswith(OURS)}  # fmt: skip
    last = {table: pk for table, pk in last.items() if isinstance(pk, int)}
    for template, methods in spec["paths"].items():
        for method in sorted({"post", "patch", "delete"} & set(methods)):
            name, locks = methods[method]["operationId"], Locks(last)
            client = clients[Role.ADMIN if WRITES[name] is Permission.ADMINISTER else Role.APPROVER]
            with transaction.atomic():
                with locking(locks):
                    client.call(method, world.path(template), body_of(name, world), **headers)
                locks.end()
                transaction.set_rollback(True)
            yield name, locks.orders


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_two_doors_lock_in_opposite_orders(spec, api, world):
    edges = defaultdict(set)
    clients = {role: api(make.member(world.scope, role)) for role in (Role.ADMIN, Role.APPROVER)}
    for headers in ({}, {"HTTP_IF_MATCH": "*"}):
        for name, orders in orders_of(clients, world, spec, headers):
            for order in orders:
                tables = list(dict.fromkeys(table for table, _ in order))
                for at, one in enumerate(tables):
                    for other in tables[at + 1 :]:
                        edges[one, other].add(f"{name}{' If-Match' if headers else ''}")
    wrong = [
        f"{one} > {other}: {', '.join(sorted(names)[:6])}; the other way: "
        f"{', '.join(sorted(edges[other, one])[:6])}"
        for (one, other), names in sorted(edges.items())
        if (other, one) in edges and one < other
    ]
    assert not wrong, "\n".join(wrong)
    assert len(edges) > 30


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_finding_and_its_fix_are_changed_at_once_with_preconditions_and_nobody_waits_in_a_circle(
    api,
):
    """Four doors to one asset's rows, which each lock the fix, its findings and the head of the chain."""
    finding = make.make_finding(Status.MOBILIZING)
    other = make.import_finding(finding.asset, "shell=True")
    fix = make.make_remediation(finding, other)
    make.scan_fix(fix)
    clients = [api(make.member(finding.scope, role)) for role in (Role.ANALYST, Role.APPROVER)]

    def post(client, path, body=None, **headers):
        return lambda: client.post(path, body, **headers)

    for _ in range(8):
        answers = race(
            post(clients[0], f"findings/{other.pk}/transitions/", {"name": "complete"}, HTTP_IF_MATCH="*"),
            post(clients[1], f"findings/{finding.pk}/transitions/", {"name": "complete"}, HTTP_IF_MATCH="*"),
            post(clients[0], f"remediations/{fix.pk}/judge/", HTTP_IF_MATCH="*"),
            post(clients[1], f"remediations/{fix.pk}/judge/"),
        )  # fmt: skip
        assert not errors(answers)
        assert [answer.status_code for answer in answers] == [409, 409, 200, 200]
