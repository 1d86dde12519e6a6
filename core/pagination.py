"""Keyset pagination for every list of the API: stable under writes, bounded, no COUNT, no offset.

DRF's own cursor holds one column and falls back to offsets where its values repeat; a priority
repeats thousands of times. Here a cursor holds all columns of the order, the id last.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from core.keysets import beyond
from core.text import is_clean

MAX_CURSOR = 2000  # characters


class CursorPages(CursorPagination):
    """50 a page, at most 200, newest first unless the queryset is ordered."""

    page_size = 50
    page_size_query_param = "page_size"
    page_size_query_description = "How many rows, 1 to 200."
    cursor_query_description = "Where a page starts: follow the links next and previous."
    max_page_size = 200
    ordering = ("-id",)

    def get_page_size(self, request: Request) -> int:
        """Return the number asked for, at most the most. Raises ValidationError for no number."""
        asked = request.query_params.get("page_size", str(self.page_size))
        if not asked.isascii() or not asked.isdigit() or len(asked) > 9 or int(asked) < 1:
            raise serializers.ValidationError({"page_size": ["Must be a number, 1 to 200."]})
        return min(int(asked), self.max_page_size)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return one page of ``queryset`` and keep what the links to its neighbours need."""
        self.base_url = request.build_absolute_uri()
        size = self.get_page_size(request)
        self.names = _with_id(queryset.query.order_by or self.ordering)
        token = request.query_params.get("cursor")
        backwards, start = _read(token, queryset.model, self.names) if token else (False, None)
        names = [_turned(name) for name in self.names] if backwards else self.names
        rows = queryset.order_by(*names)
        if start is not None:
            order = [(name.lstrip("-"), name.startswith("-")) for name in names]
            rows = rows.filter(beyond(queryset.model, order, start))
        found = list(rows[: size + 1])
        more, page = len(found) > size, found[:size]
        self.has_next = backwards or more
        self.has_previous = more if backwards else start is not None
        self.page = page[::-1] if backwards else page
        return self.page

    def get_next_link(self) -> str | None:
        return self._link(self.page[-1], False) if self.has_next and self.page else None

    def get_previous_link(self) -> str | None:
        return self._link(self.page[0], True) if self.has_previous and self.page else None

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        members = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "required": list(members), "properties": members}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the two parameters of a page."""
        told: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in told:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] = {"type": "integer", "minimum": 1, "default": self.page_size}
        return told

    def _link(self, row: Model, backwards: bool) -> str:
        values = [_field(type(row), name).value_to_string(row) for name in self.names]
        text = json.dumps([backwards, list(self.names), values], separators=(",", ":"))
        token = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return replace_query_param(self.base_url or "", "cursor", token)


def _with_id(names: Sequence[Any]) -> list[str]:
    """The order up to the id, which settles every tie."""
    kept = [name for name in names if name.lstrip("-") not in ("id", "pk")]
    last = next((name for name in names if name.lstrip("-") in ("id", "pk")), "-id")
    return [*kept, last.replace("pk", "id")]


def _field(model: type[Model], name: str) -> Any:
    return model._meta.get_field(name.lstrip("-"))


def _turned(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _read(token: str, model: type[Model], names: Sequence[str]) -> tuple[bool, list[Any]]:
    """Return direction and values of a cursor that ``_link`` made for this very order."""
    try:
        padded = token[:MAX_CURSOR] + "=" * (-len(token) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        backwards, ordering, values = json.loads(text)
        if ordering != list(names) or not all(isinstance(v, str) and is_clean(v) for v in values):
            raise ValueError("made for another list")
        fields = [_field(model, name) for name in names]
        return bool(backwards), [
            field.to_python(value) for field, value in zip(fields, values, strict=True)
        ]
    except (ValueError, TypeError, binascii.Error, RecursionError, ValidationError) as error:
        message = "Is not one of this list in this order; start without it."
        raise serializers.ValidationError({"cursor": [message]}) from error
