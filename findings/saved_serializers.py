"""The shapes of saved views in the API. No rules here."""

from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer, Text
from findings.choosing import MOST_WORDS
from findings.columns import COLUMNS
from findings.models import MAX_VIEW_NAME, SavedView

WORDS = (
    "Filters and order, as the address of the list holds them: `severity=high&ordering=-priority`."
)


def _columns() -> serializers.ListField:
    return serializers.ListField(
        child=serializers.ChoiceField(list(COLUMNS)),
        required=False,
        max_length=len(COLUMNS),
        help_text="Of the page's list; none: those of whoever looks.",
    )


class SavedViewSerializer(serializers.ModelSerializer[SavedView]):
    """Filters and columns of the list of findings under a name."""

    owner = PersonSerializer(read_only=True)
    scope = serializers.IntegerField(
        source="scope_id",
        read_only=True,
        allow_null=True,
        help_text="Shared there; null: its owner's alone.",
    )
    address = serializers.CharField(
        read_only=True, help_text="Its name in addresses of pages: `/findings/?view=…`."
    )
    filter = serializers.CharField(source="query", read_only=True, help_text=WORDS)
    columns = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = SavedView
        fields = ("id", "name", "address", "scope", "owner", "filter", "columns", "created_at",
                  "changed_at")  # fmt: skip
        read_only_fields = fields


class ChangeViewSerializer(StrictSerializer):
    """What is left out stays."""

    name = Text(MAX_VIEW_NAME, required=False)
    filter = Text(MOST_WORDS, required=False, allow_blank=True, help_text=WORDS)
    columns = _columns()


class NewViewSerializer(ChangeViewSerializer):
    """A view; with ``scope`` it is shared there with whoever may read it."""

    name = Text(MAX_VIEW_NAME)
    scope = RowId(required=False, allow_null=True)
