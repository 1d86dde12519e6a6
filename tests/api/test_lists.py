"""Lists of the API hold their statements and their weight, however many rows there are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from findings.models import Finding

QUERIES, WEIGHT = 14, 100_000
QUERIES_OF_FINDINGS = 9
LISTS = ("findings", "remediations", "scans", "scopes", "assets", "tools", "verifications",
         "clearances", "events", "policies", "waivers")  # fmt: skip
FILTERS = ("", "?open=true&severity=low&severity=high&ordering=-priority", "?q=app/&ordering=priority",
           "?q=words&ordering=-priority", "?cwe=78", "?assigned_to=me&ordering=status_since",
           "?tool=CodeQL&ordering=first_seen_at")  # fmt: skip


@pytest.fixture
def many(world):
    columns = [c for c in Finding._meta.concrete_fields if c.name != "id"]
    values = {c.attname: getattr(world.fresh, c.attname) for c in columns}
    Finding.objects.bulk_create(
        Finding(**{**values, "path": f"app/{'long/' * 12}copy_{n}.py", "priority_score": n % 7})
        for n in range(120)
    )


def measured(client, address):
    with CaptureQueriesContext(connection) as asked:
        response = client.get(address)
    assert response.status_code == 200, (address, response.content)
    return len(asked), len(response.content), asked


@pytest.mark.parametrize("name", LISTS)
def test_lists_hold_their_statements_and_weight(api, world, many, name):
    statements, size, _ = measured(api(world.viewer), f"{name}/")
    assert statements <= QUERIES
    assert size < WEIGHT


@pytest.mark.parametrize("query", FILTERS)
def test_lists_of_findings_hold_them_under_each_filter(api, world, many, query):
    statements, size, asked = measured(api(world.viewer), f"findings/{query}")
    assert statements <= QUERIES_OF_FINDINGS
    assert size < WEIGHT
    assert not [q["sql"] for q in asked if "COUNT(" in q["sql"].upper()]
