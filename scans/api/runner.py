"""Doors to what our own runner is told: recipes of a scope's own, and scans by the clock."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from scans import run_serializers as shapes
from scans.api.scans import line_of
from scans.filters import RecipeFilter, ScheduleFilter
from scans.models import ScannerRecipe, ScanSchedule
from scans.runners import RECIPES
from scans.services.recipes import add_recipe
from scans.services.schedules import end_schedule, set_schedule
from scopes.models import Asset, Scope


@extend_schema_view(
    list=extend_schema(
        summary="List recipes",
        description="Recipes of their own of the scopes that you may read, all versions.",
    ),
    retrieve=extend_schema(summary="One recipe", description="A version with its configuration."),
)
class RecipeViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Commands that scopes let our runner start. A change is another version; none is deleted."""

    queryset = ScannerRecipe.objects.select_related("created_by")
    filterset_class = RecipeFilter

    def get_serializer_class(self) -> Any:
        listed = self.action == "list"
        return shapes.RecipeSerializer if listed else shapes.RecipeDetailSerializer

    @extend_schema(
        summary="Add a recipe",
        request=shapes.NewRecipeSerializer,
        responses={201: shapes.RecipeDetailSerializer},
    )
    def create(self, request: Request) -> Response:
        """Add a recipe to a scope, or the next version of one; scans from now on use it.

        For administrators of the scope, where the operator lets scopes bring commands.
        """
        body = self.shape(shapes.NewRecipeSerializer)
        body["scope"] = self.one_of(Scope.objects.visible_to(self.user), body["scope"], "scope")
        body["config"] = body.pop("config_base64", b"")
        row = add_recipe(by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.RecipeDetailSerializer, 201)

    @extend_schema(
        summary="Recipes of the product", responses=shapes.BuiltInRecipesSerializer, filters=False
    )
    @action(detail=False, methods=["get"], url_path="built-in", pagination_class=None)
    def built_in(self, request: Request) -> Response:
        """List the recipes that every scope may order, and what keeps one from being started here."""
        for name in request.query_params:
            raise ValidationError({name: ["Unknown parameter."]})
        told = {
            "own": settings.RUNNER_OWN_RECIPES,
            "results": [RECIPES[name] for name in sorted(RECIPES)],
        }
        return self.answer(told, shapes.BuiltInRecipesSerializer)


@extend_schema_view(
    list=extend_schema(
        summary="List schedules", description="Scans by the clock in the scopes that you may read."
    ),
    retrieve=extend_schema(
        summary="One schedule", description="Which line is scanned by what, and when."
    ),
)
class ScheduleViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Lines that our runner scans each day, to see whether what was closed still holds."""

    queryset = ScanSchedule.objects.select_related("line", "created_by")
    serializer_class = shapes.ScheduleSerializer
    filterset_class = ScheduleFilter

    @extend_schema(
        summary="Set a schedule",
        request=shapes.NewScheduleSerializer,
        responses={201: shapes.ScheduleSerializer},
    )
    def create(self, request: Request) -> Response:
        """Have a line scanned by a recipe each day; the same line and recipe again set the hour.

        For administrators of the scope. The first scan is at the next such hour.
        """
        body = self.shape(shapes.NewScheduleSerializer)
        asset = self.one_of(Asset.objects.visible_to(self.user), body["asset"], "asset")
        row = set_schedule(
            line=line_of(asset, body.get("line")), recipe=body["recipe"], hour=body["hour"],
            by=self.user, at=timezone.now(),
        )  # fmt: skip
        return self.answer(row, shapes.ScheduleSerializer, 201)

    @extend_schema(summary="End a schedule", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Scan the line by itself no more. For administrators of the scope."""
        end_schedule(schedule=self.get_object(), by=self.user, at=timezone.now())
        return Response(status=204)
