"""What tests of whole installations share: a database that other processes can open."""

import uuid

import psycopg
import pytest
from django.db import connection
from psycopg import sql


@pytest.fixture
def database(tmp_path):
    """A database of its own on the engine under test, that other processes can open."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path / 'worker.sqlite3'}"
        return
    at = connection.settings_dict
    name = f"worker_{uuid.uuid4().hex[:12]}"
    where = f"host={at['HOST']} port={at['PORT']} user={at['USER']} dbname=postgres"
    with psycopg.connect(where, password=at["PASSWORD"] or None, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield f"postgres://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{name}"
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(autouse=True)
def _static(files, settings):
    """A folder of static files, or WhiteNoise warns."""
    settings.STATIC_ROOT.mkdir()
