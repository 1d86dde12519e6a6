"""Constraints that Django does not have: a composite foreign key, and CHECK shorthands.

The pattern is portable: inline in CREATE TABLE, so that SQLite's table remakes keep it, and as
ALTER TABLE on PostgreSQL. Deferred to the end of the transaction, as Django's own foreign keys.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.constraints import BaseConstraint


class CompositeForeignKey(BaseConstraint):
    """FOREIGN KEY (columns of ``fields``) REFERENCES ``to_table`` (``to_columns``).

    The target columns need a unique constraint. MATCH SIMPLE: a NULL in any column switches the
    key off, so a CHECK must say when the columns have to be filled.
    """

    def __init__(
        self,
        *,
        name: str,
        fields: Sequence[str],
        to_table: str,
        to_columns: Sequence[str],
        violation_error_code: str | None = None,
        violation_error_message: str | None = None,
    ) -> None:
        self.fields = tuple(fields)
        self.to_table = to_table
        self.to_columns = tuple(to_columns)
        super().__init__(
            name=name,
            violation_error_code=violation_error_code,
            violation_error_message=violation_error_message,
        )

    def _clause(self, model: type[models.Model], editor: BaseDatabaseSchemaEditor) -> str:
        quote = editor.quote_name
        concrete = {field.name: str(field.column) for field in model._meta.concrete_fields}
        columns = ", ".join(quote(concrete[name]) for name in self.fields)
        targets = ", ".join(quote(name) for name in self.to_columns)
        return (
            f"CONSTRAINT {quote(self.name)} FOREIGN KEY ({columns}) "
            f"REFERENCES {quote(self.to_table)} ({targets}) DEFERRABLE INITIALLY DEFERRED"
        )

    def constraint_sql(self, model: Any, schema_editor: Any) -> str:
        return self._clause(model, schema_editor)

    def create_sql(self, model: Any, schema_editor: Any) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        return f"ALTER TABLE {table} ADD {self._clause(model, schema_editor)}"

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        quote = schema_editor.quote_name
        return f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(self.name)}"

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Leave it to the database: forms never write these columns."""

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        kwargs.update(fields=self.fields, to_table=self.to_table, to_columns=self.to_columns)
        return path, args, kwargs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CompositeForeignKey) and self.deconstruct() == other.deconstruct()

    __hash__ = BaseConstraint.__hash__


def one_of(field: str, values: type[StrEnum], name: str) -> models.CheckConstraint:
    """CHECK that ``field`` holds a member of the enumeration, spelt exactly."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{field}__in": [member.value for member in values]}), name=name
    )


def both_or_neither(first: str, second: str, name: str) -> models.CheckConstraint:
    """CHECK for an ``_at`` with its companion: both are filled or neither is."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{first}__isnull": True, f"{second}__isnull": True})
        | models.Q(**{f"{first}__isnull": False, f"{second}__isnull": False}),
        name=name,
    )
