"""What the world says of weaknesses, as the last imported feeds have it, and which findings it is about."""

from enum import StrEnum

from django.contrib.auth.models import AnonymousUser
from django.db import models

from core.constraints import CompositeForeignKey, one_of
from core.models import Blob, User
from findings.models.finding import Finding
from scopes.models import Scope

LONGEST_CVE = 28  # CVE-2021- and 19 digits


class FeedKind(StrEnum):
    """kev: CISA's list of exploited CVEs; epss: FIRST's probabilities; cwe: MITRE's names of weaknesses."""

    KEV = "kev"
    EPSS = "epss"
    CWE = "cwe"


class FeedQuerySet(models.QuerySet["Feed"]):
    def visible_to(self, user: User | AnonymousUser) -> "FeedQuerySet":
        """Feeds are of the whole server: whoever is signed in may see what is here."""
        return self if user.is_authenticated and user.is_active else self.none()

    def current(self) -> "FeedQuerySet":
        """The one of each kind that counts: the last imported."""
        newest = self.filter(kind=models.OuterRef("kind")).order_by("-pk").values("pk")[:1]
        return self.filter(pk=models.Subquery(newest))


class Feed(models.Model):
    """One version of a feed that was imported; the last of its kind counts. The file is kept."""

    kind = models.CharField(max_length=4)
    source = models.CharField(max_length=500)  # the address, or the name of the file
    raw = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    version = models.CharField(max_length=80, default="")  # as the feed calls it
    published_on = models.DateField(null=True)  # as the feed says
    rows = models.PositiveIntegerField()
    imported_at = models.DateTimeField()
    imported_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    checked_at = models.DateTimeField()  # when the same file was seen last

    objects = FeedQuerySet.as_manager()

    class Meta:
        constraints = [one_of("kind", FeedKind, "feed_kind")]
        indexes = [models.Index(fields=["kind", "-id"], name="feed_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.published_on or self.imported_at.date()}"

    @property
    def digest(self) -> str:
        """SHA-256 of the file as it came, in hex."""
        return str(self.raw_id)


class KevEntry(models.Model):
    """CISA lists a CVE as exploited, in the feed that counts."""

    cve = models.CharField(max_length=LONGEST_CVE, primary_key=True)
    added_on = models.DateField()
    due_on = models.DateField(null=True)  # for agencies of the United States
    ransomware = models.BooleanField()  # known to be used in campaigns of ransomware


class EpssScore(models.Model):
    """How likely a CVE is exploited within 30 days, in the feed that counts."""

    cve = models.CharField(max_length=LONGEST_CVE, primary_key=True)
    score = models.FloatField()  # probability, 0 to 1
    percentile = models.FloatField()  # share of CVEs with this probability or less, 0 to 1


class CweName(models.Model):
    """What MITRE calls a weakness, in the feed that counts."""

    number = models.PositiveIntegerField(primary_key=True)
    name = models.CharField(max_length=300)

    def __str__(self) -> str:
        return f"CWE-{self.number} {self.name}"


class FindingCve(models.Model):
    """The report of a finding names this CVE: what feeds are joined by."""

    finding = models.ForeignKey(
        Finding,
        on_delete=models.CASCADE,
        related_name="named_cves",
        db_constraint=False,
        db_index=False,
    )
    scope = models.ForeignKey(
        Scope, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    cve = models.CharField(max_length=LONGEST_CVE)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["finding", "cve"], name="finding_cve_once"),
            CompositeForeignKey(
                name="finding_cve_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [
            models.Index(fields=["cve"], name="finding_cve_by_cve"),
            models.Index(fields=["scope", "finding"], name="finding_cve_of_scope"),
        ]

    def __str__(self) -> str:
        return self.cve
