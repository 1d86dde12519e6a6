import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints


def _id():
    return (
        "id",
        models.BigAutoField(
            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
        ),
    )


def _key(to, name="+", **more):
    more.setdefault("on_delete", django.db.models.deletion.CASCADE)
    return models.ForeignKey(related_name=name, to=to, **more)


def _by():
    return models.ForeignKey(
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
    )


def _in_scope(name, column="asset", table="scopes_asset"):
    return core.constraints.CompositeForeignKey(
        name=name, fields=(column, "scope"), to_table=table, to_columns=("id", "scope_id")
    )


class Migration(migrations.Migration):
    dependencies = [
        ("scopes", "0003_teams"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            "scope", "data_class", models.CharField(default="internal", max_length=12)
        ),
        migrations.AddField("scope", "regulations", models.JSONField(blank=True, default=list)),
        migrations.AddField(
            "scope", "expected_classes", models.JSONField(blank=True, default=list)
        ),
        migrations.AddField("scope", "fresh_days", models.PositiveSmallIntegerField(default=30)),
        migrations.AddField(
            "scope",
            "owner_team",
            _key(
                "scopes.team",
                null=True,
                db_index=False,
                on_delete=django.db.models.deletion.SET_NULL,
            ),
        ),
        migrations.AddConstraint(
            "scope",
            models.CheckConstraint(
                condition=models.Q(
                    ("data_class__in", ["public", "internal", "confidential", "restricted"])
                ),
                name="scope_data_class",
            ),
        ),
        migrations.AddConstraint(
            "scope",
            models.CheckConstraint(
                condition=models.Q(("fresh_days__gte", 1), ("fresh_days__lte", 366)),
                name="scope_fresh_days",
            ),
        ),
        migrations.AddConstraint(
            "scope",
            core.constraints.CompositeForeignKey(
                name="scope_owner_team_of_its_own",
                fields=("owner_team", "id"),
                to_table="scopes_team",
                to_columns=("id", "scope_id"),
            ),
        ),
        migrations.AddField(
            "asset", "environment", models.CharField(blank=True, default="", max_length=11)
        ),
        migrations.AddField("asset", "tags", models.JSONField(blank=True, default=list)),
        migrations.AddField(
            "asset",
            "team",
            _key(
                "scopes.team",
                "assets",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
            ),
        ),
        migrations.AddField(
            "asset", "address", models.CharField(blank=True, default="", max_length=500)
        ),
        migrations.AddField(
            "asset", "external_id", models.CharField(blank=True, default="", max_length=200)
        ),
        migrations.AddConstraint(
            "asset",
            models.CheckConstraint(
                condition=models.Q(
                    ("environment__in", ["", "production", "staging", "development", "test"])
                ),
                name="asset_environment",
            ),
        ),
        migrations.AddConstraint(
            "asset",
            models.UniqueConstraint(
                condition=models.Q(("external_id", ""), _negated=True),
                fields=("scope", "external_id"),
                name="asset_external_id_in_scope",
            ),
        ),
        migrations.AddConstraint(
            "asset", _in_scope("asset_team_in_scope", column="team", table="scopes_team")
        ),
        migrations.CreateModel(
            name="AssetLink",
            fields=[
                _id(),
                ("kind", models.CharField(max_length=11)),
                ("created_at", models.DateTimeField()),
                ("asset", _key("scopes.asset", "links", db_index=False)),
                ("created_by", _by()),
                ("scope", _key("scopes.scope", db_index=False)),
                ("target", _key("scopes.asset", "linked_by")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                ["built_from", "runs_on", "deployed_to", "depends_on", "part_of"],
                            )
                        ),
                        name="asset_link_kind",
                    ),
                    models.UniqueConstraint(
                        fields=("asset", "kind", "target"), name="asset_link_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("target", models.F("asset")), _negated=True),
                        name="asset_link_to_another",
                    ),
                    _in_scope("asset_link_in_scope"),
                    _in_scope("asset_link_target_in_scope", column="target"),
                ],
            },
        ),
        migrations.CreateModel(
            name="AssetAlias",
            fields=[
                _id(),
                ("name", models.CharField(max_length=500)),
                ("created_at", models.DateTimeField()),
                ("asset", _key("scopes.asset", "aliases")),
                ("created_by", _by()),
                ("scope", _key("scopes.scope", db_index=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("scope", "name"), name="asset_alias_in_scope"),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True),
                        name="asset_alias_says_something",
                    ),
                    _in_scope("asset_alias_of_asset_in_scope"),
                ],
            },
        ),
        migrations.CreateModel(
            name="CodeOwners",
            fields=[
                _id(),
                ("text", models.TextField()),
                ("sha256", models.CharField(max_length=64)),
                ("dialect", models.CharField(max_length=6)),
                ("path", models.CharField(blank=True, default="", max_length=200)),
                ("commit", models.CharField(blank=True, default="", max_length=64)),
                ("rules", models.PositiveIntegerField()),
                ("problems", models.JSONField(default=list)),
                ("at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("asset", _key("scopes.asset", "code_owners")),
                ("by", _by()),
                ("scope", _key("scopes.scope")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("dialect__in", ["github", "gitlab"])),
                        name="code_owners_dialect",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("asset",),
                        name="code_owners_one_counts",
                    ),
                    _in_scope("code_owners_asset_in_scope"),
                ],
            },
        ),
    ]
