"""Teams whose names or handles differ in case alone are one for who reads lists and CODEOWNERS."""

from typing import Any

from django.db import migrations, models
from django.db.models.functions import Lower


def hold_apart(apps: Any, schema_editor: Any) -> None:
    """Of teams that differ in case alone the first keeps name and handle; a later one is numbered, without handle."""
    teams = apps.get_model("scopes", "Team").objects.using(schema_editor.connection.alias)
    names, handles = set(), set()
    for pk, scope, name, handle in teams.order_by("pk").values_list(
        "pk", "scope_id", "name", "handle"
    ):
        told = {}
        if handle and (scope, handle.lower()) in handles:
            told["handle"] = ""
        if (scope, name.lower()) in names:
            told["name"] = f"{name[:90]} ({pk})"
        if told:
            teams.filter(pk=pk).update(**told)
        names.add((scope, told.get("name", name).lower()))
        handles.add((scope, handle.lower()))


class Migration(migrations.Migration):
    dependencies = [("scopes", "0008_service_accounts")]

    operations = [
        migrations.RunPython(hold_apart, migrations.RunPython.noop),
        migrations.RemoveConstraint("team", "team_name_in_scope"),
        migrations.RemoveConstraint("team", "team_handle_in_scope"),
        migrations.AddConstraint(
            "team",
            models.UniqueConstraint("scope", Lower("name"), name="team_name_in_scope"),
        ),
        migrations.AddConstraint(
            "team",
            models.UniqueConstraint(
                "scope",
                Lower("handle"),
                condition=models.Q(("handle", ""), _negated=True),
                name="team_handle_in_scope",
            ),
        ),
    ]
