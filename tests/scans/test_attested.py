"""Scans that a pipeline with a verified identity uploads: attested, of its asset and commit, and judged so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from core.errors import BadInput, NotAllowed
from core.models import Event
from findings.statuses import Status
from gate import dsse
from gate.certificate import verify_bundle
from gate.disputes import is_fixer
from gate.evidence import FixFacts
from gate.facts import read
from remediations.host_reviews import HostReview, record_host_reviews
from remediations.models import RemediationFinding
from remediations.services import record_deployment, withdraw_remediation
from scans.certificates import public_keys
from scans.models import Clearance, Scan
from scans.services.clearances import bundle
from scans.services.doors import judge_fix, merge_fix, push_fix
from scans.services.moves import move
from scans.services.releases import record_release
from scans.services.secrets import record_revocation
from scans.services.uploads import order_scan
from scopes.services import add_pipeline_identity
from scopes.workloads import Claims, Workload
from tests import factories as make
from tests.api.bodies import fix_body, packed, told_of
from tests.code import Code, facts_of, sarif_of
from tests.factories import fixed_code
from tests.issuer import SHA, issuing

pytestmark = pytest.mark.django_db
NAME = "github-actions:acme/shop/.github/workflows/ci.yml"


def workload_of(identity, **claims):
    said = {
        "repository": "acme/shop", "repository_id": "4242", "ref": "refs/heads/main", "sha": SHA,
        "workflow": "acme/shop/.github/workflows/ci.yml@refs/heads/main", "run": "901",
        "attempt": "1", "event": "push", "runner": "github-hosted", **claims,
    }  # fmt: skip
    told = Claims(identity.issuer, "github-actions", **said)
    return Workload(identity.pk, identity.asset_id, identity.scope_id, told)


@pytest.fixture
def identity(asset, admin, settings):
    settings.OIDC_ISSUERS = ["https://token.actions.githubusercontent.com"]
    return add_pipeline_identity(
        asset=asset,
        issuer=settings.OIDC_ISSUERS[0],
        repository="acme/shop",
        by=admin,
        at=make.now(),
    )


@pytest.fixture
def run(identity):
    """The account as a verified run has it."""
    identity.user.workload = workload_of(identity)
    return identity.user


def code_at(commit=SHA):
    return Code({"app/db.py": "import pickle\npickle.loads(x)\n"}).committed_as(commit)


def upload(asset, facts, by):
    code = code_at()
    return make.upload(asset, sarif_of(code), facts, by=by)[0]


# --- facts ---------------------------------------------------------------------------------------
def test_facts_are_attested_by_the_run_and_say_which_it_was(asset, run, files):
    scan = upload(asset, {"commit": SHA, "tree": "ab" * 20, "scope": "full"}, run)
    assert (scan.source, scan.facts["source"]) == ("attested", "attested")
    assert (scan.facts["uploader"], scan.facts["uploader_kind"]) == (NAME, "service")
    assert scan.facts["attested_by"] == {
        "issuer": "https://token.actions.githubusercontent.com", "repository": "acme/shop",
        "repository_id": "4242", "workflow": "acme/shop/.github/workflows/ci.yml@refs/heads/main",
        "ref": "refs/heads/main", "sha": SHA, "run": "901", "attempt": "1", "event": "push",
        "runner": "github-hosted",
    }  # fmt: skip
    assert (scan.commit, scan.created_by) == (SHA, run)
    known = read({"after": scan.facts}).after[0]
    assert dict(known.attested_by)["run"] == "901"


def test_what_a_wrapper_measured_is_kept_with_the_run_as_its_source(asset, run, files):
    measured = {**facts_of(code_at()), "commit": SHA, "exit_code": 1, "command": "bandit -r .",
                "files_scanned": ["app/db.py"], "source": "measured"}  # fmt: skip
    scan = upload(asset, measured, run)
    kept = {name: value for name, value in scan.facts.items() if name in measured}
    assert kept == {**measured, "source": "attested"}


def test_a_commit_that_is_not_told_is_that_of_the_run(asset, run, files):
    assert upload(asset, {"scope": "full"}, run).commit == SHA
    assert upload(asset, {"scope": "full", "commit": None}, run).commit == SHA


def test_a_working_copy_that_was_no_commit_does_not_become_one(asset, run, files):
    """The wrapper leaves the commit empty where what was scanned is not known."""
    scan = upload(asset, {"commit": "", "tree": "", "source": "measured"}, run)
    assert (scan.commit, scan.facts["commit"]) == ("", "")


def test_another_commit_than_that_of_the_run_is_refused(asset, run, files):
    with pytest.raises(BadInput, match="upload from a run on push") as caught:
        upload(asset, {"commit": "ab" * 20}, run)
    assert caught.value.where == "facts.commit"
    assert not Scan.objects.exists()
    assert upload(asset, {"commit": SHA.upper()}, run).source == "attested"


def test_a_run_that_does_not_say_its_commit_attests_none(asset, identity, files):
    identity.user.workload = workload_of(identity, sha="")
    assert upload(asset, {}, identity.user).commit == ""
    assert upload(asset, {"commit": "ab" * 20}, identity.user).commit == "ab" * 20


@pytest.mark.parametrize("name", ["uploader", "uploader_kind", "attested_by"])
def test_who_uploads_is_never_the_callers_to_say(asset, run, pipeline, files, name):
    for by in (run, pipeline):
        with pytest.raises(BadInput, match="is set by the server") as caught:
            upload(asset, {name: "somebody"}, by)
        assert caught.value.where == f"facts.{name}"


def test_the_source_is_not_to_be_said_without_an_identity(asset, pipeline, files):
    for source in ("measured", "attested", "declared"):
        with pytest.raises(BadInput, match=r"facts\.source"):
            upload(asset, {"source": source}, pipeline)
    assert upload(asset, {}, pipeline).source == "declared"


def test_the_same_upload_of_the_same_run_is_one_scan_and_of_another_run_another(
    asset, identity, run, files
):
    first = upload(asset, {"commit": SHA}, run)
    assert upload(asset, {"commit": SHA}, run) == first
    identity.user.workload = workload_of(identity, run="902")
    assert upload(asset, {"commit": SHA}, identity.user) != first


def test_a_run_uploads_for_its_own_asset_only(scope, run, files):
    other = make.make_asset(scope, repository="/srv/repositories/other")
    with pytest.raises(NotAllowed, match="another asset"):
        upload(other, {"commit": SHA}, run)
    with pytest.raises(NotAllowed, match="another asset"):
        order_scan(asset=other, recipe="bandit", commit=SHA, by=run, at=make.now(),
                   line=make.default_line(other))  # fmt: skip
    assert not Scan.objects.exists()


def test_a_run_tells_nothing_beside_scans(asset, run, files):
    finding = make.import_finding(asset)
    with pytest.raises(NotAllowed, match="not for a run of a pipeline"):
        record_revocation(finding=finding, method="Deleted", evidence="401", by=run, at=make.now())
    with pytest.raises(NotAllowed, match="not for a run of a pipeline"):
        record_release(scope=asset.scope, package="pkg:npm/lodash", version="4.17.22", exists=True,
                       evidence="registry", by=run, at=make.now())  # fmt: skip


@pytest.mark.parametrize("person", ["acme", "shop", "Acme Shop <acme@example.org>", "ci", "ada"])
def test_the_name_of_a_run_is_nobodys_name(identity, person):
    for claims in ({}, {"workflow": ""}, {"repository": "ada/ada", "workflow": ""}):
        name = workload_of(identity, **claims).name
        assert not is_fixer(name, FixFacts(author=person, agent="GitHub Copilot"))


def test_the_certificate_is_made_from_facts_that_say_which_run_attested_them(identity, files):
    finding = make.make_finding(Status.MOBILIZING, asset=identity.asset)
    fix = finding.remediations.get()
    identity.user.workload = workload_of(identity, sha=fix.head_commit)
    make.scan_fix(fix, by=identity.user)
    make.approve(fix)
    make.merge(fix)
    finding.refresh_from_db()
    assert finding.status == Status.MOBILIZATION_COMPLETE
    clearance = Clearance.objects.get(finding=finding)
    assert verify_bundle(bundle(clearance), public_keys()).ok
    said = json.loads(dsse.decode(clearance.certificate.encode()).payload)["predicate"]
    (after,) = [scan for scan in said["verification"]["scans"] if scan["role"] == "after"]
    assert after["facts"]["uploader"] == {"value": NAME, "source": "attested"}
    assert after["facts"]["attested_by"]["value"]["run"] == "901"


def test_the_page_of_a_scan_says_which_run_attested_its_facts(asset, run, viewer, client, settings):
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns
    scan = upload(asset, {"commit": SHA}, run)
    client.force_login(viewer)
    page = client.get(f"/scans/{scan.pk}/").content.decode()
    assert "workflow acme/shop/.github/workflows/ci.yml@refs/heads/main" in page


# --- the whole way, with a real issuer -----------------------------------------------------------
@pytest.fixture
def issuer(settings, files):
    cache.clear()
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns
    with issuing(settings) as issuer:
        yield issuer


def client_of(token):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def known(asset, issuer):
    return add_pipeline_identity(
        asset=asset, issuer=issuer.url, repository="acme/shop", by=make.member(asset.scope, "admin"),
        at=make.now(),
    )  # fmt: skip


def test_an_upload_by_identity_token_is_read_and_answered(asset, issuer):
    make.member(asset.scope, "pipeline")
    known(asset, issuer)
    code = code_at()
    body = {"asset": asset.pk, "line": "main", "facts": {**facts_of(code), "commit": SHA},
            "sarif_gzip_base64": packed(sarif_of(code))}  # fmt: skip
    answer = client_of(issuer.token()).post("/api/v1/scans/", body)
    assert answer.status_code == 202, answer.text
    scan = make.run_job(Scan.objects.get())
    assert (scan.state, scan.source) == ("done", "attested")
    assert scan.facts["uploader"] == NAME


def test_the_gate_in_one_step_judges_attested_scans(issuer, monkeypatch):
    finding = make.import_finding()
    asset, line = finding.asset, finding.line
    head = fixed_code(line, finding)
    make.member(asset.scope, "pipeline")
    known(asset, issuer)
    monkeypatch.setattr(
        "scans.api.waiting.time.sleep",
        lambda _: [make.run_job(scan) for scan in Scan.objects.filter(state="received")],
    )
    body = {
        "asset": asset.pk, "findings": [finding.pk], "fix": fix_body(line, finding),
        "scans": [{"role": "after", "sarif_gzip_base64": packed(sarif_of(head)),
                   "facts": {**told_of(head), "source": "measured"}}],
    }  # fmt: skip
    refused = client_of(issuer.token()).post("/api/v1/gate/", body)  # of another commit
    assert (refused.status_code, refused.json()["where"]) == (400, "facts.commit")
    answer = client_of(issuer.token(sha=head.commit)).post("/api/v1/gate/", body)
    assert answer.status_code == 200, answer.text
    (judged,) = answer.json()["judgements"]
    checks = {row["id"]: row for row in judged["judgement"]["checks"]}
    assert checks["SCAN_PROVENANCE"]["outcome"] == "PASS"
    assert "are attested" in json.dumps(checks["SCAN_PROVENANCE"])
    assert checks["INDEPENDENCE"]["outcome"] == "PASS"


def test_the_gate_proposes_nothing_for_an_asset_of_another_pipeline(issuer):
    finding = make.import_finding()
    make.member(finding.scope, "pipeline")
    known(make.make_asset(finding.scope), issuer)
    body = {"asset": finding.asset_id, "findings": [finding.pk],
            "fix": fix_body(finding.line, finding), "scans": []}  # fmt: skip
    answer = client_of(issuer.token()).post("/api/v1/gate/", body)
    assert answer.status_code == 403, answer.text
    assert not finding.remediations.exists()


def test_a_report_of_the_wrapper_goes_through_with_everything_it_measured(
    tmp_path, asset, run, files
):
    """A real run of the wrapper in a real repository, with a scanner that is a small script."""
    git = ["git", "-c", "user.name=dev", "-c", "user.email=dev@example.org", "-C", str(tmp_path)]
    (tmp_path / "app.py").write_text("print(1)\n")
    report = json.dumps(sarif_of(code_at()))
    (tmp_path / "scan.py").write_text(f"print({report!r})\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    gate = [
        sys.executable,
        "-m",
        "gate",
        "run",
        "--sarif=-",
        "--out",
        str(tmp_path / ".git" / "out"),
    ]
    env = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"}
    command = [*gate, "--", sys.executable, "scan.py"]
    subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True)
    facts = json.loads((tmp_path / ".git" / "out" / "facts.json").read_text())["after"]
    assert facts["source"] == "measured" and facts["commit"] == head.stdout.strip()
    run.workload = workload_of(run.pipeline_identity, sha=facts["commit"])
    data = (tmp_path / ".git" / "out" / "scan.sarif").read_bytes()
    scan = make.upload(asset, data, facts, by=run)[0]
    assert {name: scan.facts[name] for name in facts} == {**facts, "source": "attested"}


# --- fixes ---------------------------------------------------------------------------------------
TELLING = {
    "pushes": lambda fix, **by: push_fix(remediation=fix, head_commit="ab" * 20, **by),
    "merges": lambda fix, **by: merge_fix(
        remediation=fix, merge_commit="ab" * 20, merge_tree="", **by
    ),
    "reviews by the host": lambda fix, **by: record_host_reviews(
        remediation=fix, reviews=[HostReview("r1", "ada", "approved", fix.head_commit, make.now())],
        **by,
    ),
    "judges": lambda fix, **by: judge_fix(remediation=fix, **by),
    "withdraws": lambda fix, **by: withdraw_remediation(remediation=fix, reason="No.", **by),
    "deploys": lambda fix, **by: record_deployment(
        remediation=fix, deployed_at=make.now(), **by
    ),
}  # fmt: skip


def fix_to_tell_of(finding, verb):
    fix = make.make_remediation(finding)
    return make.merge(fix) if verb == "deploys" else fix


@pytest.mark.parametrize("verb", TELLING)
def test_a_run_tells_what_became_of_fixes_of_its_own_asset_alone(run, asset, verb):
    theirs = fix_to_tell_of(make.import_finding(make.make_asset(asset.scope)), verb)
    before = Event.objects.count()
    with pytest.raises(NotAllowed, match="for another asset"):
        TELLING[verb](theirs, by=run, at=make.now())
    assert Event.objects.count() == before
    mine = fix_to_tell_of(make.import_finding(asset), verb)
    if verb == "merges":  # which claims for its findings: that is for a key or a person
        with pytest.raises(NotAllowed, match="allow you to claim"):
            TELLING[verb](mine, by=run, at=make.now())
    else:
        TELLING[verb](mine, by=run, at=make.now())


def test_a_run_starts_no_fix_of_a_finding_of_another_asset(run, asset):
    theirs = make.import_finding(make.make_asset(asset.scope))
    mine = make.import_finding(asset)
    for finding in (theirs, mine):
        fix = make.make_remediation(make.import_finding(finding.asset))
        RemediationFinding.objects.create(
            remediation=fix, finding=finding, scope_id=finding.scope_id
        )
    told = {"name": "mobilize", "by": run, "at": make.now()}
    with pytest.raises(NotAllowed, match="for another asset"):
        move(finding=theirs, brought={"remediation_id": theirs.remediations.get().pk}, **told)
    moved = move(finding=mine, brought={"remediation_id": mine.remediations.get().pk}, **told)
    assert moved.status == Status.MOBILIZING
