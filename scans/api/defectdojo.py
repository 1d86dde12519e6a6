"""The doors of DefectDojo's API that pipelines knock at, so that one moves here by its address alone.

A product is an asset, its type a scope, an engagement a line, a test a title of reports on a line.
Names of fields and answers are theirs (API v2); refusals are ours. What has no meaning here is taken
and left: see docs/how-to/move-from-defectdojo.md.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import AlwaysJson, BoundedFormParser, StrictJsonParser
from core.errors import BadInput, NotAllowed
from core.filters import MAX_ID
from core.models import User
from core.permissions import Permission
from core.text import clean_text
from gate import formats
from scans.api.waiting import MAX_SECONDS, check_readable, wait_for
from scans.imports import ImportTest
from scans.models import Scan
from scans.services.uploads import blocks_of, upload_scan
from scopes.access import check_may
from scopes.models import Asset, Line, LineKind, Scope
from scopes.services import create_asset

MOST = 100  # rows of one answer
# What DefectDojo calls a kind of report → the format in which it is read here.
SCAN_TYPES: dict[str, formats.Format] = {
    "SARIF": formats.SARIF,
    "Bandit Scan": formats.BANDIT,
    "CycloneDX Scan": formats.CYCLONEDX,
    "Anchore Grype": formats.GRYPE,
    "GitLab Container Scan": formats.GITLAB,
    "GitLab Dependency Scanning Report": formats.GITLAB,
    "GitLab SAST Report": formats.GITLAB,
    "GitLab Secret Detection Report": formats.GITLAB,
    "Generic Findings Import": formats.CSV,
    "Nuclei Scan": formats.NUCLEI,
    "OSV Scan": formats.OSV,
    "Semgrep JSON Report": formats.SEMGREP,
    "Trivy Scan": formats.TRIVY,
}
TYPE_IDS = {name: number for number, name in enumerate(SCAN_TYPES, 1)}
YES = ("true", "1", "yes", "on")
HEX = frozenset("0123456789abcdef")


class Door(APIView):
    """Who asks and what they sent, as text."""

    content_negotiation_class = AlwaysJson
    metadata_class = None
    parser_classes: Any = (StrictJsonParser, BoundedFormParser)

    @property
    def user(self) -> User:
        return cast(User, self.request.user)

    @property
    def given(self) -> Mapping[str, Any]:
        if not isinstance(self.request.data, Mapping):
            raise BadInput("body", "must be an object")
        return self.request.data

    def text(self, name: str, limit: int = 200, of: Mapping[str, Any] | None = None) -> str:
        """A member as text; empty where it is missing. Raises BadInput where it is too long."""
        value = (self.given if of is None else of).get(name)
        told = clean_text("" if value is None else str(value)).strip()
        if len(told) > limit:
            raise BadInput(name, f"longer than allowed ({len(told)} > {limit} characters)")
        return told

    def number(self, name: str, of: Mapping[str, Any] | None = None) -> int | None:
        """A member as the number of a row; None where it is missing."""
        told = self.text(name, of=of)
        if not told:
            return None
        if not (told.isascii() and told.isdigit() and int(told) <= MAX_ID):
            raise BadInput(name, "must be a number")
        return int(told)

    def scopes(self) -> Any:
        return Scope.objects.permitting(self.user, Permission.UPLOAD_SCAN)

    def assets(self) -> Any:
        return Asset.objects.filter(scope__in=self.scopes()).order_by("pk")

    def lines(self) -> Any:
        return Line.objects.filter(scope__in=self.scopes()).order_by("pk")

    def tests(self) -> Any:
        return ImportTest.objects.filter(scope__in=self.scopes()).order_by("pk")

    def line(self, asset: Asset, name: str) -> Line:
        """The line of this name, else the default one."""
        rows = asset.lines.filter(Q(name=name) | Q(kind=LineKind.DEFAULT))
        return next((line for line in rows if line.name == name), None) or rows.get(
            kind=LineKind.DEFAULT
        )


def _one(rows: Any, pk: int, where: str) -> Any:
    row = rows.filter(pk=pk).first()
    if row is None:
        raise BadInput(where, f"there is none with the number {pk} to which you may upload")
    return row


def _listed(rows: Iterable[dict[str, Any]]) -> Response:
    results = list(rows)
    return Response({"count": len(results), "next": None, "previous": None, "results": results})


@extend_schema(exclude=True)
class ProductTypes(Door):
    """Scopes. They are made here by administrators, not by pipelines."""

    def get(self, request: Request) -> Response:
        rows = self.scopes().order_by("pk")
        if name := self.text("name", of=request.query_params):
            rows = rows.filter(name=name)
        return _listed({"id": row.pk, "name": row.name} for row in rows[:MOST])

    def post(self, request: Request) -> Response:
        raise NotAllowed("A product type is a scope here: an administrator makes it.")


@extend_schema(exclude=True)
class Products(Door):
    """Assets."""

    def get(self, request: Request) -> Response:
        rows = self.assets()
        if name := self.text("name", of=request.query_params):
            rows = rows.filter(name=name)
        if (scope := self.number("prod_type", of=request.query_params)) is not None:
            rows = rows.filter(scope=scope)
        return _listed(_product(row) for row in rows[:MOST])

    def post(self, request: Request) -> Response:
        wanted = self.number("prod_type")
        if wanted is None:
            raise BadInput("prod_type", "is missing")
        scope = _one(self.scopes(), wanted, "prod_type")
        asset = _new_asset(scope, self.text("name"), self.user)
        return Response(_product(asset), status=201)


def _product(asset: Asset) -> dict[str, Any]:
    return {"id": asset.pk, "name": asset.name, "prod_type": asset.scope_id}


def _new_asset(scope: Scope, name: str, user: User) -> Asset:
    if not name:
        raise BadInput("name", "is missing")
    check_may(user, Permission.ADMINISTER, scope.pk)
    return create_asset(scope=scope, name=name, by=user, at=timezone.now())


@extend_schema(exclude=True)
class Engagements(Door):
    """Lines. An engagement of any other name is the default line of its product."""

    def get(self, request: Request) -> Response:
        product, name = (self.number("product", of=request.query_params),
                         self.text("name", of=request.query_params))  # fmt: skip
        if product is None or not name:
            rows = self.lines() if product is None else self.lines().filter(asset=product)
            return _listed(_engagement(line, line.name) for line in rows[:MOST])
        line = self.line(_one(self.assets(), product, "product"), name)
        return _listed([_engagement(line, name)])

    def post(self, request: Request) -> Response:
        product = self.number("product")
        if product is None:
            raise BadInput("product", "is missing")
        name = self.text("name")
        line = self.line(_one(self.assets(), product, "product"), name)
        return Response(_engagement(line, name), status=201)

    def patch(self, request: Request, pk: int) -> Response:
        """Build, branch and commit of an engagement: reports tell them here."""
        line = _one(self.lines(), pk, "engagement")
        return Response(_engagement(line, line.name))


def _engagement(line: Line, name: str) -> dict[str, Any]:
    return {"id": line.pk, "name": name, "product": line.asset_id, "branch_tag": line.name}


@extend_schema(exclude=True)
class Tests(Door):
    """Titles of reports on a line."""

    def get(self, request: Request) -> Response:
        rows = self.tests()
        if title := self.text("title", of=request.query_params):
            rows = rows.filter(title=title)
        if (line := self.number("engagement", of=request.query_params)) is not None:
            rows = rows.filter(line=line)
        return _listed(_test(row) for row in rows[:MOST])

    def post(self, request: Request) -> Response:
        wanted, kind = self.number("engagement"), self.number("test_type")
        if wanted is None:
            raise BadInput("engagement", "is missing")
        scan_type = next((name for name, number in TYPE_IDS.items() if number == kind), "")
        if not scan_type:
            raise BadInput("test_type", "there is none with this number")
        line = _one(self.lines(), wanted, "engagement")
        return Response(_test(_kept(line, self.text("title") or scan_type, scan_type)), status=201)


def _test(row: ImportTest) -> dict[str, Any]:
    return {"id": row.pk, "title": row.title, "engagement": row.line_id,
            "test_type": TYPE_IDS.get(row.scan_type), "test_type_name": row.scan_type}  # fmt: skip


def _kept(line: Line, title: str, scan_type: str) -> ImportTest:
    row, _ = ImportTest.objects.get_or_create(
        line=line, title=title, scan_type=scan_type,
        defaults={"scope_id": line.scope_id, "asset_id": line.asset_id},
    )  # fmt: skip
    return row


@extend_schema(exclude=True)
class TestTypes(Door):
    """Kinds of reports that are read."""

    def get(self, request: Request) -> Response:
        name = self.text("name", of=request.query_params)
        return _listed(
            {"id": number, "name": kind} for kind, number in TYPE_IDS.items() if name in ("", kind)
        )


@extend_schema(exclude=True)
class ImportScan(Door):
    """A report. ``close_old_findings`` says that it is of the whole: only then may findings be absent."""

    parser_classes: tuple[type[BaseParser], ...] = (BoundedFormParser,)
    closes_old_findings = False  # unless the sender says so

    def post(self, request: Request) -> Response:
        scan_type = self._scan_type()
        test = self._test(scan_type)
        file = request.FILES.get("file")
        if file is None:
            raise BadInput("file", "is missing")
        scan, _ = upload_scan(
            asset=test.line.asset, line=test.line, data=blocks_of(file), facts=self._facts(test),
            by=self.user, at=timezone.now(),
        )  # fmt: skip
        (scan,) = wait_for([scan], MAX_SECONDS)
        check_readable([scan])
        return Response(self._answer(scan, test), status=201)

    def _scan_type(self) -> str:
        told = self.text("scan_type")
        if told not in SCAN_TYPES:
            raise BadInput("scan_type", f"must be one of {', '.join(SCAN_TYPES)}")
        return told

    def _test(self, scan_type: str) -> ImportTest:
        """The test that is named by its number, or by the names of what it lies in."""
        if (number := self.number("test")) is not None:
            row: ImportTest = _one(self.tests().select_related("line__asset"), number, "test")
            if row.scan_type != scan_type:
                raise BadInput("scan_type", f"this test is for {row.scan_type}")
            return row
        if (number := self.number("engagement")) is not None:
            line = _one(self.lines().select_related("asset"), number, "engagement")
        else:
            line = self._named_line()
        return _kept(line, self.text("test_title") or self.text("service") or scan_type, scan_type)

    def _named_line(self) -> Line:
        asset = self._asset()
        branch = self.text("branch_tag").removeprefix("refs/heads/")
        line = self.line(asset, branch or self.text("engagement_name"))
        if branch and line.name != branch:
            raise BadInput(
                "branch_tag",
                f"{branch!r} is no tracked line of {asset.name}; findings come from scans of lines alone",
            )
        return line

    def _asset(self) -> Asset:
        if (number := self.number("product")) is not None:
            found: Asset = _one(self.assets(), number, "product")
            return found
        name, kind = self.text("product_name"), self.text("product_type_name")
        if not name:
            raise BadInput("product_name", "is missing, and so are test and engagement")
        scopes = self.scopes().filter(name=kind) if kind else self.scopes()
        rows = list(self.assets().filter(name=name, scope__in=scopes)[:2])
        if len(rows) == 1:
            return rows[0]
        if rows:
            raise BadInput("product_name", "more than one scope has it: give product_type_name")
        if self.text("auto_create_context").lower() not in YES:
            raise BadInput("product_name", f"there is no asset {name!r} to which you may upload")
        if len(inside := list(scopes[:2])) != 1:
            raise BadInput("product_type_name", "must name the one scope that the asset is made in")
        return _new_asset(inside[0], name, self.user)

    def _facts(self, test: ImportTest) -> dict[str, Any]:
        facts: dict[str, Any] = {"category": test.title}
        told = self.text("close_old_findings").lower()
        if told in YES or (not told and self.closes_old_findings):
            facts["scope"] = "full"
        commit = self.text("commit_hash").lower()
        if len(commit) in (40, 64) and set(commit) <= HEX:
            facts["commit"] = commit
        return facts

    def _answer(self, scan: Scan, test: ImportTest) -> dict[str, Any]:
        """Theirs, with the numbers of our rows; counts are by what was done, of all severities."""
        counts = scan.counts
        stayed = counts.get("unchanged", 0) + counts.get("moved", 0)
        done = {"created": counts.get("new", 0), "closed": counts.get("absent", 0),
                "left untouched": stayed}  # fmt: skip
        return {
            "scan_type": test.scan_type,
            "test": test.pk,
            "test_id": test.pk,
            "test_title": test.title,
            "engagement_id": test.line_id,
            "product_id": test.asset_id,
            "product_type_id": test.scope_id,
            "product_name": test.line.asset.name,
            "minimum_severity": "Info",
            "active": True,
            "verified": False,
            "close_old_findings": scan.facts.get("scope") == "full",
            "scan": scan.pk,
            "statistics": {"delta": {name: {"total": {"total": n}} for name, n in done.items()}},
        }


class ReimportScan(ImportScan):
    """The next report of a test; of the whole, unless the sender says otherwise."""

    closes_old_findings = True
