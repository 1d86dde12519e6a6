"""What every door of the API stands on: strict reading of bodies, shared shapes, one base view set.

Bodies hold what is named and nothing else; text that a database cannot hold is refused at the edge.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, cast

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import exceptions, serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from core.contract import FIELDS, Contract
from core.errors import BadInput, TooLarge
from core.filters import MAX_ID, PAGING
from core.models import Event, User, UserKind
from core.text import clean_text, is_clean

MAX_DEPTH = 40  # nesting of a JSON body
FORM_ROOM = 8 * 1024 * 1024  # bytes of a form beside its file
USER_KINDS = [kind.value for kind in UserKind]
OBJECT_ID = r"^([0-9a-f]{40}|[0-9a-f]{64})\Z"


# --- reading bodies ------------------------------------------------------------------------------
def read_json(data: bytes, where: str) -> Any:
    """Return the JSON in ``data``. Raises BadInput that names the place of what cannot be used."""
    try:
        value = json.loads(data, parse_constant=_no_constant, object_pairs_hook=_no_twice)
    except json.JSONDecodeError as error:
        place = f"{where}, line {error.lineno}, column {error.colno}"
        raise BadInput(place, f"is not JSON: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{where}, byte {error.start}", "is not UTF-8") from error
    except RecursionError as error:
        raise BadInput(where, f"is nested deeper than allowed (> {MAX_DEPTH})") from error
    except ValueError as error:
        raise BadInput(where, f"is not JSON that can be used: {error}") from error
    _check_storable(value, where, "")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        twice = next(name for name, _ in pairs if sum(name == n for n, _ in pairs) > 1)
        raise ValueError(f"the member {clean_text(twice, 60)!r} is there twice")
    return names


def _check_storable(value: Any, where: str, pointer: str) -> None:
    """Raise BadInput with the JSON pointer of a text that a database cannot hold."""
    if isinstance(value, str):
        if not is_clean(value):
            raise BadInput(f"{where}#{pointer}", "holds NUL or half of a surrogate pair")
    elif isinstance(value, dict | list):
        if pointer.count("/") >= MAX_DEPTH:
            raise BadInput(f"{where}#{pointer}", f"is nested deeper than allowed (> {MAX_DEPTH})")
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            place = f"{pointer}/{clean_text(str(key), 60).replace('~', '~0').replace('/', '~1')}"
            _check_storable(str(key), where, place)
            _check_storable(item, where, place)


class StrictJsonParser(BaseParser):
    """JSON of bounded size and depth, no member twice, no text that cannot be stored."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        _check_length(parser_context, limit)
        data = stream.read(limit + 1)
        if len(data) > limit:
            raise TooLarge("body", f"larger than allowed (> {limit} bytes)")
        return read_json(data, "body")


class BoundedFormParser(MultiPartParser):
    """multipart/form-data that is refused by its announced length, before it is spooled."""

    def most(self) -> int:
        """Bytes that its file may have."""
        return settings.MAX_REPORT_BYTES

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        _check_length(parser_context, self.most() + FORM_ROOM)
        return super().parse(stream, media_type, parser_context)


def _check_length(parser_context: Mapping[str, Any], limit: int) -> None:
    announced = str(parser_context["request"].META.get("CONTENT_LENGTH") or "0")
    if announced.isdigit() and int(announced) > limit:
        raise TooLarge("body", f"larger than allowed ({announced} > {limit} bytes)")


class AlwaysJson(BaseContentNegotiation):
    """Answers have one form each, whatever ``Accept`` says; bodies are read by their own type."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


# --- shapes --------------------------------------------------------------------------------------
class StrictSerializer(serializers.Serializer[Any]):
    """Checks shape, and refuses by name what nobody may set here."""

    takes_no_others = True  # told in the description: core/openapi.py

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            settable = {field.field_name for field in self._writable_fields}
            refused = {
                clean_text(str(name), 60): ["Cannot be set here."]
                for name in data
                if name not in settable
            }
            if refused:
                raise serializers.ValidationError(refused)
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """Plain text of bounded length; NUL and lone surrogates are refused."""

    def __init__(self, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):  # a number or a list is not a text
            self.fail("invalid")
        return super().to_internal_value(data)


class ObjectId(serializers.RegexField):
    """A full git object id in small letters."""

    def __init__(self, **kwargs: Any) -> None:
        messages: dict[str, Any] = {
            "invalid": "Must be a full git object id: 40 or 64 hex digits, small letters."
        }
        super().__init__(OBJECT_ID, max_length=64, error_messages=messages, **kwargs)


@extend_schema_field(OpenApiTypes.BYTE)
class Base64Field(serializers.Field[Any, Any, Any, Any]):
    """Bytes in base64, read strictly."""

    def to_internal_value(self, data: Any) -> bytes:
        if not isinstance(data, str):
            raise serializers.ValidationError("Must be a text.")
        try:
            return base64.b64decode(data, validate=True)
        except ValueError as error:  # binascii.Error, or a character outside of ASCII
            raise BadInput(self.field_name or "base64", f"is not base64: {error}") from error


class RowId(serializers.IntegerField):
    """The id of a row, which the view looks up among what the user may see."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_ID, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool | float):
            self.fail("invalid")
        return super().to_internal_value(data)


class PersonSerializer(serializers.ModelSerializer[User]):
    """An account, as others see it."""

    name = serializers.CharField(source="display", read_only=True)
    kind = serializers.ChoiceField(USER_KINDS, read_only=True)

    class Meta:
        model = User
        fields = ("id", "username", "name", "kind")
        read_only_fields = fields


class EventSerializer(serializers.ModelSerializer[Event]):
    """One link of the hash-chained log. ``actor`` null: the system."""

    actor = PersonSerializer(read_only=True, allow_null=True)
    data = serializers.DictField(read_only=True)  # type: ignore[assignment]
    prev_hash = serializers.CharField(read_only=True, allow_null=True)

    class Meta:
        model = Event
        fields = ("id", "chain", "seq", "prev_hash", "hash", "scope_id", "at", "actor", "action",
                  "subject", "subject_id", "data")  # fmt: skip
        read_only_fields = fields


# --- the base of all view sets -------------------------------------------------------------------
class ApiViewSet(Contract, GenericViewSet[Any]):
    """Reads start from ``visible_to(user)``; rows change by named verbs, never by PUT.

    PATCH is a verb of its own where a row holds nothing but what people say of it: scopes, assets, teams.
    """

    content_negotiation_class = AlwaysJson
    metadata_class = None  # OPTIONS tells nothing that the schema does not
    parser_classes: Sequence[type[BaseParser]] = (StrictJsonParser,)
    lookup_value_regex = "[0-9]+"
    extra_parameters: Sequence[str] = ()  # of an action, beside filters and paging

    @property
    def user(self) -> User:
        """Who asks; the permission classes let nobody through who is not signed in."""
        return cast(User, self.request.user)

    def get_queryset(self) -> QuerySet[Any]:
        """Return the rows that the user may see; what is not visible is not there (404)."""
        rows: Any = super().get_queryset()
        return cast("QuerySet[Any]", rows.visible_to(self.user))

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise exceptions.MethodNotAllowed(
            request.method or "",
            detail=f"{request.method} is not possible here. No member of a row is set by hand, "
            "its status least of all; rows change by the verbs below their address.",
        )

    def shape(self, serializer: type[serializers.BaseSerializer[Any]]) -> dict[str, Any]:
        """Return the body of the request as ``serializer`` reads it."""
        body = serializer(data=self.request.data, context=self.get_serializer_context())
        body.is_valid(raise_exception=True)
        return body.validated_data

    def refuse_parameters(self, names: Iterable[str]) -> None:
        """Raise ValidationError if one of them stands in the address."""
        unknown = set(names) & set(self.request.query_params)
        if unknown:
            raise serializers.ValidationError({min(unknown): ["Unknown parameter."]})

    def pages(
        self, rows: QuerySet[Any], serializer: type[serializers.BaseSerializer[Any]]
    ) -> Response:
        """Answer a page of rows that lie below the object of this view."""
        self.refuse_parameters(set(self.request.query_params) - PAGING - {FIELDS})
        self.ask_only(serializer().fields)  # type: ignore[attr-defined]
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(
            serializer(page, many=True, context=self.get_serializer_context()).data
        )

    def answer(
        self,
        row: Any,
        serializer: type[serializers.BaseSerializer[Any]],
        status: int = 200,
        **headers: str,
    ) -> Response:
        """Answer one row; header names with ``_`` for ``-``."""
        data = serializer(row, context=self.get_serializer_context()).data
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(data, status=status, headers=named)

    def one_of(self, rows: QuerySet[Any], pk: Any, where: str) -> Any:
        """Return the row with this id. What is not there and what is not visible answer the same."""
        return self.all_of(rows, [pk], where)[0]

    def all_of(self, rows: QuerySet[Any], pks: Sequence[Any], where: str) -> list[Any]:
        """Return the rows with these ids, in their order; 400 that names those not found."""
        found = {row.pk: row for row in rows.filter(pk__in=set(pks))}
        missing = [str(pk) for pk in dict.fromkeys(pks) if pk not in found]
        if missing:
            raise serializers.ValidationError({where: [f"Not found: {', '.join(missing[:20])}."]})
        return [found[pk] for pk in dict.fromkeys(pks)]


def download(data: bytes, content_type: str, name: str) -> HttpResponse:
    """Answer a file to be kept, never to be shown: attachment, nosniff."""
    return HttpResponse(
        data,
        content_type=content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )
