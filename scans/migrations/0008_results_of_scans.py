import django.db.models.deletion
from django.db import migrations, models

import core.constraints
from scans.ingest.records import digest
from scans.results import pack


def fill(apps, editor):
    """Put findings into series, and what sightings say of single scans into indexes."""
    Finding, Rule, Series, Sighting = (
        apps.get_model("findings", name) for name in ("Finding", "Rule", "Series", "Sighting")
    )
    kept: dict = {}
    series: dict = {}
    for finding in Finding.objects.order_by("pk").iterator(chunk_size=500):
        key = (finding.line_id, finding.tool, finding.category)
        if key not in series:
            series[key] = Series.objects.create(
                scope_id=finding.scope_id,
                asset_id=finding.asset_id,
                line_id=finding.line_id,
                tool=finding.tool,
                category=finding.category,
                last_at=finding.last_seen_at,
            )
        one = series[key]
        one.last_at = max(one.last_at, finding.last_seen_at)
        finding.series = one
        if finding.help_uri:
            rule = (finding.scope_id, finding.tool, finding.rule)
            if rule not in kept:
                kept[rule] = Rule.objects.create(
                    scope_id=rule[0], tool=rule[1], rule=rule[2], help_uri=finding.help_uri
                )
            finding.described_by = kept[rule]
        if finding.presence not in ("present", "suppressed"):
            finding.seen_until = finding.last_seen_at
        told = {name: value for name, value in finding.original.items() if name != "pointer"}
        finding.original_sha256 = digest(told)
        finding.save()
    for one in series.values():
        _index(apps, one, Sighting)


def _index(apps, series, Sighting):
    rows = Sighting.objects.filter(finding__series_id=series.pk).order_by("scan_id", "pk")
    scans: dict = {}
    last: dict = {}
    for row in rows.iterator(chunk_size=500):
        scans.setdefault(row.scan_id, []).append((row.pointer, row.finding_id))
        if row.finding_id in last:
            Sighting.objects.filter(pk=last[row.finding_id]).update(ended_by=row.scan_id)
        last[row.finding_id] = row.pk
        series.last_scan_id = row.scan_id
    for scan, told in scans.items():
        sha256, packed = pack(told)
        index, _ = apps.get_model("scans", "ResultIndex").objects.get_or_create(
            series_id=series.pk, sha256=sha256, defaults={"packed": packed}
        )
        apps.get_model("scans", "ScanResults").objects.create(
            scan_id=scan, series_id=series.pk, index=index
        )
    series.save()


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0003_results_of_scans"),
        ("scans", "0007_lines_that_were_rewritten"),
    ]

    operations = [
        migrations.CreateModel(
            name="ResultIndex",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sha256", models.CharField(max_length=64)),
                ("packed", models.BinaryField()),
                (
                    "series",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="findings.series",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ScanResults",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "index",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scans.resultindex",
                    ),
                ),
                (
                    "scan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="results",
                        to="scans.scan",
                    ),
                ),
                (
                    "series",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scans",
                        to="findings.series",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="resultindex",
            constraint=models.UniqueConstraint(
                fields=("series", "sha256"), name="result_index_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="resultindex",
            constraint=models.UniqueConstraint(
                fields=("id", "series"), name="result_index_and_series"
            ),
        ),
        migrations.AddConstraint(
            model_name="scanresults",
            constraint=models.UniqueConstraint(fields=("scan", "series"), name="scan_results_once"),
        ),
        migrations.AddConstraint(
            model_name="scanresults",
            constraint=core.constraints.CompositeForeignKey(
                fields=("index", "series"),
                name="scan_results_of_series",
                to_columns=("id", "series_id"),
                to_table="scans_resultindex",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
