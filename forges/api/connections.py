"""Doors to connections, and to the repositories and pull requests that they see."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from findings.models import Finding
from forges import serializers as shapes
from forges.filters import ConnectionFilter, PullFilter, RepositoryFilter
from forges.models import Connection, PullRequest, Repository
from forges.services.asking import link_pull
from forges.services.connections import (
    ask_look,
    change_connection,
    connect,
    end_connection,
    renew_webhook_secret,
    replace_key,
)
from forges.services.progress import webhook_address, with_counts
from scopes.models import Scope


@extend_schema_view(
    list=extend_schema(
        summary="List connections",
        description="Accounts of code hosts that the scopes you may read are connected to.",
    ),
    retrieve=extend_schema(
        summary="One connection", description="What is read from where, and how far looks are."
    ),
)
class ConnectionViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Accounts of code hosts. Their keys and webhook secrets are written, never read."""

    queryset = Connection.objects.select_related("actor", "created_by", "ended_by")
    serializer_class = shapes.ConnectionSerializer
    filterset_class = ConnectionFilter

    def get_queryset(self) -> QuerySet[Any]:
        """Return the visible connections with the counts of their repositories."""
        return with_counts(super().get_queryset())

    @extend_schema(
        summary="Connect a code host",
        request=shapes.NewConnectionSerializer,
        responses={201: shapes.ConnectionWebhookSerializer},
    )
    def create(self, request: Request) -> Response:
        """Connect an account; the webhook's secret is in this answer and nowhere else.

        The key is not tried out here: the first look tells, as `problem` or `looked_at`.
        """
        body = self.shape(shapes.NewConnectionSerializer)
        body["scope"] = self.one_of(Scope.objects.visible_to(self.user), body["scope"], "scope")
        made, secret = connect(by=self.user, at=timezone.now(), **body)
        return self._with_secret(made, secret, 201)

    @extend_schema(
        summary="Change a connection",
        request=shapes.ChangedConnectionSerializer,
        responses=shapes.ConnectionSerializer,
    )
    @action(detail=True, methods=["post"])
    def change(self, request: Request, pk: str) -> Response:
        """Change name, mode, or what is looked at; members left out stay as they are."""
        row, body = self.get_object(), self.shape(shapes.ChangedConnectionSerializer)
        change_connection(connection=row, by=self.user, at=timezone.now(), **body)
        return self.answer(self.get_object(), shapes.ConnectionSerializer)

    @extend_schema(
        summary="Replace the key",
        request=shapes.NewKeySerializer,
        responses=shapes.ConnectionSerializer,
    )
    @action(detail=True, methods=["post"])
    def key(self, request: Request, pk: str) -> Response:
        """Sign in with another token or private key from now on."""
        row, body = self.get_object(), self.shape(shapes.NewKeySerializer)
        replace_key(connection=row, by=self.user, at=timezone.now(), **body)
        return self.answer(self.get_object(), shapes.ConnectionSerializer)

    @extend_schema(
        summary="Renew the webhook secret",
        request=None,
        responses=shapes.ConnectionWebhookSerializer,
    )
    @action(detail=True, methods=["post"], url_path="webhook-secret")
    def webhook_secret(self, request: Request, pk: str) -> Response:
        """Make another secret, in this answer and nowhere else; the one before is taken for 24 hours."""
        row, secret = renew_webhook_secret(
            connection=self.get_object(), by=self.user, at=timezone.now()
        )
        return self._with_secret(row, secret, 200)

    @extend_schema(summary="Look now", request=None, responses=shapes.ConnectionSerializer)
    @action(detail=True, methods=["post"])
    def look(self, request: Request, pk: str) -> Response:
        """Have the connection looked at now instead of at the next poll."""
        ask_look(connection=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(self.get_object(), shapes.ConnectionSerializer)

    @extend_schema(summary="End a connection", request=None, responses=shapes.ConnectionSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End it for good; its secrets are wiped, what it brought stays."""
        end_connection(connection=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(self.get_object(), shapes.ConnectionSerializer)

    def _with_secret(self, row: Connection, secret: str, status: int) -> Response:
        told = {
            "connection": self.get_queryset().get(pk=row.pk),
            "webhook_address": webhook_address(row, self.request.build_absolute_uri("/")),
            "webhook_secret": secret,
        }
        return self.answer(told, shapes.ConnectionWebhookSerializer, status)


@extend_schema_view(
    list=extend_schema(
        summary="List repositories", description="Repositories that your scopes' connections see."
    ),
    retrieve=extend_schema(
        summary="One repository", description="When it was looked at, and why not."
    ),
)
class RepositoryViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Repositories on code hosts. They are read, never written."""

    queryset = Repository.objects.select_related("connection", "asset")
    serializer_class = shapes.RepositorySerializer
    filterset_class = RepositoryFilter

    @extend_schema(
        summary="Link a pull request",
        request=shapes.LinkPullSerializer,
        responses={202: shapes.PullRequestSerializer},
    )
    @action(detail=True, methods=["post"], url_path="pull-requests")
    def link_pull(self, request: Request, pk: str) -> Response:
        """Have a pull request looked at by its number, as a fix of these findings.

        It becomes a fix once the look has found it: see `remediation`, or `problem`.
        """
        repository, body = self.get_object(), self.shape(shapes.LinkPullSerializer)
        visible = Finding.objects.visible_to(self.user)
        findings = self.all_of(visible, body["findings"], "findings")
        row = link_pull(
            repository=repository, number=body["number"], findings=findings, by=self.user,
            at=timezone.now(),
        )  # fmt: skip
        return self.answer(row, shapes.PullRequestSerializer, 202)


@extend_schema_view(
    list=extend_schema(
        summary="List pull requests", description="Pull requests that your scopes' connections saw."
    ),
    retrieve=extend_schema(
        summary="One pull request", description="As it was seen last; it may be a fix."
    ),
)
class PullRequestViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Pull requests (merge requests) on code hosts."""

    queryset = PullRequest.objects.select_related("repository")
    serializer_class = shapes.PullRequestSerializer
    filterset_class = PullFilter
