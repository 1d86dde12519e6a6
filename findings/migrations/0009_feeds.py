from itertools import islice

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Cast

import core.constraints
from core import bulk
from core.append_only import protect, unprotect
from gate.cvss import cves_in

PART = 10_000


def name_cves(apps, editor):
    """Of findings that are there: what their first report names, its rule or other names of it."""
    finding = apps.get_model("findings", "Finding")
    named = finding.objects.annotate(text=Cast("original", models.TextField()))
    rows = named.filter(text__contains="CVE-").values_list("pk", "scope_id", "original")
    found = (
        (pk, scope, cve)
        for pk, scope, told in rows.iterator(chunk_size=PART)
        for cve in cves_in([str(told.get("rule", "")), *told.get("aliases", [])])
    )
    model = apps.get_model("findings", "FindingCve")
    while part := list(islice(found, PART)):  # no row is read while others are copied in
        bulk.insert(model, ("finding", "scope", "cve"), part)


def _id():
    return (
        "id",
        models.BigAutoField(
            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
        ),
    )


def _key(to, on_delete=django.db.models.deletion.PROTECT, related_name="+", **more):
    return models.ForeignKey(on_delete=on_delete, related_name=related_name, to=to, **more)


def _loose(to, on_delete=django.db.models.deletion.PROTECT, related_name="+"):
    """A key that a composite one says better."""
    return _key(to, on_delete, related_name, db_constraint=False, db_index=False)


def _somebody():
    return _key(settings.AUTH_USER_MODEL, null=True)


CAUSES = ["feed", "policy", "scope", "validation", "severity", "import"]


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0001_initial"),
        ("findings", "0008_due_dates"),
        ("scopes", "0006_priority_policies"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Feed",
            fields=[
                _id(),
                ("kind", models.CharField(max_length=4)),
                ("source", models.CharField(max_length=500)),
                ("raw", _key("core.blob")),
                ("version", models.CharField(default="", max_length=80)),
                ("published_on", models.DateField(null=True)),
                ("rows", models.PositiveIntegerField()),
                ("imported_at", models.DateTimeField()),
                ("imported_by", _somebody()),
                ("checked_at", models.DateTimeField()),
            ],
        ),
        migrations.AddConstraint(
            "feed",
            models.CheckConstraint(
                condition=models.Q(("kind__in", ["kev", "epss", "cwe"])), name="feed_kind"
            ),
        ),
        migrations.AddIndex("feed", models.Index(fields=["kind", "-id"], name="feed_newest")),
        migrations.CreateModel(
            name="KevEntry",
            fields=[
                ("cve", models.CharField(primary_key=True, serialize=False, max_length=28)),
                ("added_on", models.DateField()),
                ("due_on", models.DateField(null=True)),
                ("ransomware", models.BooleanField()),
            ],
        ),
        migrations.CreateModel(
            name="EpssScore",
            fields=[
                ("cve", models.CharField(primary_key=True, serialize=False, max_length=28)),
                ("score", models.FloatField()),
                ("percentile", models.FloatField()),
            ],
        ),
        migrations.CreateModel(
            name="CweName",
            fields=[
                ("number", models.PositiveIntegerField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=300)),
            ],
        ),
        migrations.CreateModel(
            name="FindingCve",
            fields=[
                _id(),
                (
                    "finding",
                    _loose("findings.finding", django.db.models.deletion.CASCADE, "named_cves"),
                ),
                ("scope", _loose("scopes.scope")),
                ("cve", models.CharField(max_length=28)),
            ],
        ),
        migrations.AddConstraint(
            "findingcve",
            models.UniqueConstraint(fields=("finding", "cve"), name="finding_cve_once"),
        ),
        migrations.AddConstraint(
            "findingcve",
            core.constraints.CompositeForeignKey(
                fields=("finding", "scope"),
                name="finding_cve_in_scope",
                to_columns=("id", "scope_id"),
                to_table="findings_finding",
            ),
        ),
        migrations.AddIndex("findingcve", models.Index(fields=["cve"], name="finding_cve_by_cve")),
        migrations.AddIndex(
            "findingcve", models.Index(fields=["scope", "finding"], name="finding_cve_of_scope")
        ),
        migrations.CreateModel(
            name="Rescoring",
            fields=[
                _id(),
                ("scope", _key("scopes.scope")),
                ("cause", models.CharField(max_length=10)),
                ("feed", _key("findings.feed", null=True)),
                ("asked_at", models.DateTimeField()),
                ("asked_by", _somebody()),
                ("cursor", models.BigIntegerField(default=0)),
                ("looked_at", models.PositiveIntegerField(default=0)),
                ("changed", models.PositiveIntegerField(default=0)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddConstraint(
            "rescoring",
            models.CheckConstraint(
                condition=models.Q(("cause__in", CAUSES)), name="rescoring_cause"
            ),
        ),
        migrations.AddConstraint(
            "rescoring",
            models.UniqueConstraint(fields=("id", "scope"), name="rescoring_and_scope"),
        ),
        migrations.AddConstraint(
            "rescoring",
            models.CheckConstraint(
                condition=models.Q(("cause", "feed"), ("feed__isnull", False))
                | (~models.Q(("cause", "feed")) & models.Q(("feed__isnull", True))),
                name="rescoring_feed_is_its_cause",
            ),
        ),
        migrations.CreateModel(
            name="PriorityChange",
            fields=[
                _id(),
                (
                    "finding",
                    _loose(
                        "findings.finding", django.db.models.deletion.CASCADE, "priority_changes"
                    ),
                ),
                ("scope", _loose("scopes.scope")),
                (
                    "rescoring",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="changes",
                        to="findings.rescoring",
                    ),
                ),
                ("at", models.DateTimeField()),
                ("cause", models.CharField(max_length=10)),
                ("from_score", models.SmallIntegerField()),
                ("from_band", models.CharField(max_length=2)),
                ("from_ssvc", models.CharField(max_length=8)),
                ("to_score", models.SmallIntegerField()),
                ("to_band", models.CharField(max_length=2)),
                ("to_ssvc", models.CharField(max_length=8)),
                ("until_then", _key("findings.prioritysum", db_index=False)),
            ],
        ),
        migrations.AddConstraint(
            "prioritychange",
            models.CheckConstraint(
                condition=models.Q(("cause__in", CAUSES)), name="priority_change_cause"
            ),
        ),
        migrations.AddConstraint(
            "prioritychange",
            core.constraints.CompositeForeignKey(
                fields=("finding", "scope"),
                name="priority_change_finding_in_scope",
                to_columns=("id", "scope_id"),
                to_table="findings_finding",
            ),
        ),
        migrations.AddConstraint(
            "prioritychange",
            core.constraints.CompositeForeignKey(
                fields=("rescoring", "scope"),
                name="priority_change_rescoring_in_scope",
                to_columns=("id", "scope_id"),
                to_table="findings_rescoring",
            ),
        ),
        migrations.AddIndex(
            "prioritychange",
            models.Index(fields=["finding", "-id"], name="priority_change_of_finding"),
        ),
        migrations.AddIndex(
            "prioritychange",
            models.Index(fields=["rescoring", "id"], name="priority_change_of_rescoring"),
        ),
        migrations.RunPython(
            protect("findings_prioritychange"), unprotect("findings_prioritychange")
        ),
        migrations.RunPython(name_cves, migrations.RunPython.noop),
    ]
