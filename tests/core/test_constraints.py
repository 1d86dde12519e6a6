"""The composite key and the CHECK shorthands, where a reader of a migration would be misled."""

from django.apps import apps
from django.db import connection

from core.constraints import CompositeForeignKey

MODELS = [
    m
    for m in apps.get_models()
    if any(isinstance(c, CompositeForeignKey) for c in m._meta.constraints)
]


def test_every_composite_key_of_the_models_is_in_the_database(db):
    """The autodetector may put one into CreateModel or forget it; the database is asked."""
    wanted = {
        c.name
        for model in MODELS
        for c in model._meta.constraints
        if isinstance(c, CompositeForeignKey)
    }
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'table'")
            text = "\n".join(row[0] or "" for row in cursor.fetchall())
            found = {name for name in wanted if f'CONSTRAINT "{name}" FOREIGN KEY' in text}
        else:
            cursor.execute("SELECT conname FROM pg_constraint WHERE contype = 'f' AND condeferred")
            found = {row[0] for row in cursor.fetchall()} & wanted
    assert found == wanted
    assert len(wanted) > 15


def test_the_columns_that_a_composite_key_aims_at_are_unique_there():
    tables = {model._meta.db_table: model for model in apps.get_models()}
    for model in MODELS:
        for key in (c for c in model._meta.constraints if isinstance(c, CompositeForeignKey)):
            target = tables[key.to_table]
            unique = [
                {target._meta.get_field(name).column for name in constraint.fields}
                for constraint in target._meta.constraints
                if getattr(constraint, "fields", None)
                and not isinstance(constraint, CompositeForeignKey)
            ]
            assert set(key.to_columns) in unique, f"{model.__name__}.{key.name}"
