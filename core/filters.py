"""Filtering that refuses what it does not know, and the kinds of filter that FilterSets use."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from django import forms
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters import (
    CharFilter,
    ModelChoiceFilter,
    MultipleChoiceFilter,
    NumberFilter,
    OrderingFilter,
    TypedChoiceFilter,
)
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from core.text import is_clean

PAGING = {"cursor", "page_size"}
MAX_ID = 2**63 - 1
ROW_ID = {"type": "integer", "format": "int64", "minimum": 1}  # in the description


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter, but an unknown or unstorable parameter is an error (400), never ignored."""

    def get_filterset(self, request: Request, queryset: Any, view: Any) -> Any:
        filterset = super().get_filterset(request, queryset, view)
        known = set(getattr(view, "extra_parameters", ()))
        if not view.detail and filterset is not None:
            known |= set(filterset.filters)
        known.add("fields")  # checked where the members are known: core/contract.py
        if view.action != "retrieve":  # a list, or one below a row
            known |= PAGING
        for name in request.query_params:
            if name not in known:
                raise serializers.ValidationError({name: ["Unknown parameter."]})
            if not all(is_clean(value) for value in request.query_params.getlist(name)):
                raise serializers.ValidationError(
                    {name: ["Holds a character that cannot be stored."]}
                )
        return filterset

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        try:
            return super().filter_queryset(request, queryset, view)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error


def words(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """Choices of an enumeration, with readable labels."""
    return [(member.value, member.value.replace("_", " ")) for member in enum]


def one_or_more(enum: type[StrEnum], **more: Any) -> MultipleChoiceFilter:
    """Filter by members of an enumeration; the parameter may be given several times."""
    return MultipleChoiceFilter(choices=words(enum), distinct=False, **more)


def by_id(field_name: str, **more: Any) -> NumberFilter:
    """Filter by the id of one of very many rows; what is not visible matches nothing."""
    return IdFilter(field_name=field_name, **more)


def text_is(**more: Any) -> CharFilter:
    """Filter by the exact text."""
    return CharFilter(lookup_expr="exact", **more)


@extend_schema_field(OpenApiTypes.BOOL)
class YesNoFilter(TypedChoiceFilter):
    """``true`` or ``false``; anything else is refused, not ignored."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [("true", "yes"), ("false", "no")]
        super().__init__(choices=choices, coerce=lambda value: value == "true", **kwargs)


@extend_schema_field(ROW_ID)
class IdFilter(NumberFilter):
    """A whole positive number that fits into a key."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=1, max_value=MAX_ID, **kwargs)


@extend_schema_field(ROW_ID)
class VisibleFilter(ModelChoiceFilter):
    """Filter by a row of ``visible(user)``; others are refused, whether they exist or not."""

    def __init__(self, visible: Callable[[Any], QuerySet[Any]], **kwargs: Any) -> None:
        super().__init__(queryset=lambda request: visible(_user_of(request)), **kwargs)


def _user_of(request: Any) -> Any:
    return AnonymousUser() if request is None else request.user  # None: the schema is being written


class StableOrdering(OrderingFilter):
    """An allow-list of columns to order by; the id settles ties: pages neither skip nor repeat."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if not value:
            return qs
        fields = [self.get_ordering_value(param) for param in value]
        return qs.order_by(*fields, "-id" if fields[0].startswith("-") else "id")
