"""Texts for pipelines: they say where to, parse, hold no key, and no name of a branch means anything in them."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.conf import settings as django_settings
from django.core.cache import cache

from gate.strict import visible
from scans.models import Scan
from scans.snippets import SYSTEMS, snippets
from scopes.services import add_pipeline_identity, issue_token
from tests import factories as make
from tests.issuer import issuing

SERVER = "https://ctem.example"
PEOPLE = {
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org", "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org", "GIT_CONFIG_GLOBAL": "/dev/null",
}  # fmt: skip
HOSTILE = [
    "it's", "$(touch owned)", "`touch owned`", '"; touch owned; "', "a\nb: c", "'''", "\\'", "@@server",
    "x # y", "{{ 7 }}", "${{ secrets.X }}", "é",
]  # fmt: skip


def texts(line="main", server=SERVER, asset=12):
    made = snippets(
        server=server, tokens=f"{SERVER}/tokens/", asset=asset, line=line, audience="ctem"
    )
    return {snippet.system.key: snippet.text for snippet in made}


def scripts(key, text):
    """The pieces of shell in a text."""
    if key == "shell":
        return [text]
    if key == "jenkins":
        return [piece.partition("'''")[0] for piece in text.split("sh '''")[1:]]
    told = yaml.safe_load(text)
    if key == "gitlab":
        return told["ctem-scan"]["script"]
    steps = told["jobs"]["scan"]["steps"] if key == "github" else told["steps"]
    return [step.get("run") or step.get("bash") for step in steps if {"run", "bash"} & set(step)]


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.key)
def test_each_text_says_where_to_and_for_which_asset(system):
    text = texts()[system.key]
    assert SERVER in text and "@@" not in text
    assert "-F asset=12" in text and "CTEM-Asset: 12" in text
    assert "--form-string line=main" in text
    assert "ctem_" not in text and "CTEM_TOKEN" in text
    assert (f"{SERVER}/tokens/" in text) is not system.signs
    assert ("id-token: write" in text or "id_tokens" in text) is system.signs


def test_the_texts_for_github_gitlab_and_azure_are_yaml():
    made = {key: text for key, text in texts().items() if key in ("github", "gitlab", "azure")}
    told = {key: yaml.safe_load(text) for key, text in made.items()}
    assert told["github"][True]["push"]["branches"] == ["main"]  # YAML reads "on" as true
    assert told["github"]["permissions"] == {"contents": "read", "id-token": "write"}
    job = told["gitlab"]["ctem-scan"]
    assert job["rules"] == [{"if": '$CI_COMMIT_BRANCH == "main"'}]
    assert job["id_tokens"] == {"CTEM_TOKEN": {"aud": "ctem"}}
    assert told["azure"]["trigger"]["branches"]["include"] == ["main"]
    assert told["azure"]["steps"][-1]["env"] == {"CTEM_TOKEN": "$(CTEM_TOKEN)"}


@pytest.mark.parametrize("line", ["main", "release/1.2", *HOSTILE])
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.key)
def test_every_piece_of_shell_is_shell_and_a_branch_is_only_its_name(tmp_path, system, line):
    text = texts(line)[system.key]
    pieces = scripts(system.key, text)
    assert pieces
    for piece in pieces:
        assert not subprocess.run(["bash", "-n"], input=piece, text=True, check=False).returncode
    upload = next(piece for piece in pieces if "--form-string" in piece)
    if system.key == "jenkins":  # as Groovy reads it
        upload = re.sub(r"\\(.)", r"\1", upload)
    words = f'curl() {{ printf "%s\\0" "$@"; }}\n{line_of(upload)}'
    env = {"PATH": "/usr/bin:/bin", "out": str(tmp_path), "CTEM": SERVER, "CTEM_TOKEN": "x"}
    said = subprocess.run(
        ["bash", "-c", words], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    given = said.stdout.split("\0")
    assert given[given.index("--form-string") + 1] == f"line={visible(line)}"
    assert not (tmp_path / "owned").exists()


def line_of(script):
    """The statement that uploads."""
    return script[
        script.index('echo "Authorization: Bearer $CTEM_TOKEN"') : script.index('api/v1/scans/"')
        + len('api/v1/scans/"')
    ]


# --- run for real --------------------------------------------------------------------------------
@pytest.fixture
def clone(tmp_path):
    """A repository with a weakness, and the programs that a machine of a pipeline has."""
    folder, programs = tmp_path / "shop", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    (folder / "db.py").write_text(
        "import pickle\n\n\ndef load(data):\n    return pickle.loads(data)\n"
    )
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "First"]):
        git(folder, *command)
    bandit = Path(sys.executable).parent / "bandit"
    for name, program in (("bandit", bandit), ("python3", Path(sys.executable))):
        (programs / name).write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
        (programs / name).chmod(0o755)
    return folder


def git(folder, *arguments):
    env = {**os.environ, **PEOPLE}
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def run(script, folder, **environ):
    path = f"{folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(folder.parent), "TMPDIR": str(folder.parent), **environ}
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session", autouse=True)
def _static():
    Path(django_settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns


@pytest.fixture
def served(live_server, monkeypatch, files):
    """The server, its worker at work while a request waits; its address and the asset."""
    cache.clear()
    monkeypatch.setattr(
        "scans.api.waiting.time.sleep",
        lambda _: [make.run_job(scan) for scan in Scan.objects.filter(state="received")],
    )
    asset = make.make_asset(make.make_scope(name="Shop", slug="shop"))
    make.member(asset.scope, "pipeline")
    return live_server.url, asset


@pytest.mark.django_db(transaction=True)
def test_the_text_for_a_shell_uploads_what_bandit_finds_with_a_key(served, clone):
    server, asset = served
    account = make.member(asset.scope, "pipeline")
    _, key = issue_token(user=account, by=account, name="ci", at=make.now(), scopes=[asset.scope],
                         permissions=["upload_scan"])  # fmt: skip
    text = texts(server=server, asset=asset.pk)["shell"]
    refused = run(text, clone, CTEM_TOKEN="ctem_wrong")
    assert refused.returncode and "unknown, expired or revoked" in refused.stdout
    done = run(text, clone, CTEM_TOKEN=key)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["state"] == "done"
    scan = Scan.objects.get()
    assert (scan.source, scan.tool, scan.commit) == (
        "declared",
        "Bandit",
        git(clone, "rev-parse", "HEAD"),
    )
    assert scan.facts["exit_code"] == 1 and "db.py" in scan.facts["blobs"]
    assert asset.findings.count() == 2
    assert key not in done.stdout + done.stderr and not git(clone, "status", "--porcelain")
    assert "is not set" in run(text, clone).stderr


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", ["github", "gitlab"])
def test_the_texts_for_github_and_gitlab_upload_as_a_run_that_their_host_signed(
    served, clone, settings, key
):
    server, asset = served
    pieces = scripts(key, texts(server=server, asset=asset.pk)[key])
    script = "set -eo pipefail\n" + "\n".join(piece for piece in pieces if "install" not in piece)
    if key == "github" and not shutil.which("jq"):
        pytest.skip("needs jq, as GitHub's machines have it")
    with issuing(settings, path="/_services/token" if key == "github" else "") as issuer:
        add_pipeline_identity(asset=asset, issuer=issuer.url, repository="acme/shop",
                              by=None, at=make.now())  # fmt: skip
        head = git(clone, "rev-parse", "HEAD")
        environ = {"CTEM": server, "RUNNER_TEMP": str(clone.parent)}
        if key == "gitlab":
            environ["CTEM_TOKEN"] = issuer.gitlab_token(sha=head)
        else:
            signed = json.dumps({"value": issuer.token(sha=head)}).encode()
            issuer.server.answers["/sign?v=1&audience=ctem"] = 200, {}, signed
            environ["ACTIONS_ID_TOKEN_REQUEST_URL"] = f"{issuer.server.url}/sign?v=1"
            environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "of the run"
        done = run(script, clone, **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    scan = Scan.objects.get()
    assert (scan.source, scan.commit, scan.state) == ("attested", head, "done")
    assert scan.facts["attested_by"]["sha"] == head
