"""What a container engine would be given: held against its schema, the Procfile and the settings."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml

from ctem import environment

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {"migrate": "release", "web": "web", "worker": "worker", "beat": "beat"}
PROCFILE = dict(
    line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line
)
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()


def instructions(name):
    return [line.partition(" ")[2] for line in DOCKERFILE if line.startswith(f"{name} ")]


def test_compose_is_what_the_specification_describes():
    schema = json.loads((Path(__file__).parent / "schemas" / "compose-spec.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert list(validator.iter_errors(COMPOSE)) == []
    broken = {**COMPOSE, "services": {"web": {"comand": "typo"}}}
    assert list(validator.iter_errors(broken)) != []


def test_compose_starts_what_the_procfile_starts():
    assert {OURS[name]: SERVICES[name]["command"] for name in OURS} == PROCFILE
    assert json.loads(instructions("CMD")[-1]) == PROCFILE["web"].split()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_as_little_as_it_needs(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & service.keys()
    assert not [v for v in service.get("volumes", []) if v.startswith(("/", ".", "~"))]
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), "TLS ends before us: not for the street"
    assert "healthcheck" in service or name == "web"  # the image's own
    waits = service.get("depends_on", {})
    assert all("condition" in wait for wait in waits.values())


def test_the_database_and_the_broker_cannot_be_reached_from_outside():
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("database", "broker"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]


def test_nothing_serves_before_the_migrations_are_through():
    for name in ("web", "worker", "beat"):
        assert SERVICES[name]["depends_on"]["migrate"] == {
            "condition": "service_completed_successfully"
        }


def test_no_secret_stands_in_what_is_committed():
    text = (ROOT / "compose.yaml").read_text()
    for found in re.findall(r"(?:PASSWORD|SECRET|TOKEN)[A-Z_]*: (.*)", text):
        assert found.startswith("${") and ":?" in found, "missing must be loud"
    assert re.findall(r"://[^/$\s]*:([^@\n]*)@", text) == [
        "${POSTGRES_PASSWORD:?openssl rand -hex 32}"
    ]
    for line in instructions("ENV") + instructions("ARG"):
        assert not re.search(r"PASSWORD|SECRET|TOKEN|KEY", line)
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )
    secret = {"CTEM_SECRET_KEY", "POSTGRES_PASSWORD", "CTEM_METRICS_TOKEN"}
    assert {name for name, value in example.items() if not value} == secret
    given = {*example, *SERVICES["web"]["environment"]}
    assert given >= environment.NEEDED.keys()


def test_the_image_runs_as_nobody_in_particular_and_is_looked_after():
    assert instructions("USER") == ["10001:10001"]
    assert DOCKERFILE.index("USER 10001:10001") > max(
        number for number, line in enumerate(DOCKERFILE) if line.startswith("RUN ")
    )
    (check,) = instructions("HEALTHCHECK")
    assert "/healthz" in check
    assert len(instructions("FROM")) == 2
    assert "--require-hashes" in " ".join(instructions("RUN"))
    env = " ".join(instructions("ENV"))
    assert "CTEM_PRODUCTION=true" in env and "CTEM_HTTPS=true" in env


def listed():
    """What .dockerignore lets in."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*", "everything is left out but what is listed"
    return [line[1:] for line in lines if line.startswith("!")]


def test_every_part_of_the_house_and_nothing_else_comes_into_the_image():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert set(listed()) >= {*packages["root_packages"], "manage.py", "templates", "static"}
    assert not {".git", ".data", ".env", ".env.example", "tests", "docs"} & set(listed())


@pytest.mark.slow
def test_what_comes_into_the_image_is_enough_to_start(tmp_path):
    """The build's own steps, on the very files; then the healthcheck against gunicorn is test_production's."""
    app = tmp_path / "app"
    app.mkdir()
    for name in listed():
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, app / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, app / name)
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("CTEM_", "DATABASE_URL"))}
    environ |= {"CTEM_DATA_DIR": str(tmp_path / "build"), "CTEM_STATIC_DIR": str(app / "collected")}
    for words in (["collectstatic", "--no-input"], ["check"], ["makemigrations", "--check"]):
        done = subprocess.run(
            [sys.executable, "manage.py", *words], cwd=app, env=environ, capture_output=True, text=True
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert len(list((app / "collected").rglob("*.css"))) > 0
    assert not list(app.rglob("secret_key"))
