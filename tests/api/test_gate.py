"""The gate in one step, as a pipeline calls it."""

from findings.statuses import Status
from remediations.models import Remediation
from scans.models import Scan
from tests import factories as make
from tests.api.bodies import fix_body, packed, told_of
from tests.api.conftest import stored
from tests.code import sarif_of
from tests.factories import code_of, fixed_code


def scan_of(code, role="after"):
    return {"role": role, "sarif_gzip_base64": packed(sarif_of(code)), "facts": told_of(code)}


def step(world, *, head=None, **more):
    head = head or fixed_code(world.line, world.fresh)
    return {
        "asset": world.asset.pk, "findings": [world.fresh.pk], "fix": fix_body(world.line, world.fresh),
        "scans": [scan_of(head)], **more,
    }  # fmt: skip


def test_one_call_proposes_scans_and_judges(api, world, worker):
    response = api(world.pipeline).post("gate/", step(world))
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["lamps"] == {"safe": "pass", "right": "unknown"}
    assert (answer["verdict"], answer["pending"]) == ("unknown", False)
    (judged,) = answer["judgements"]
    assert judged["finding"] == world.fresh.pk
    assert judged["judgement"]["schema"] == "ctem.judgement/1"
    assert [scan["state"] for scan in answer["scans"]] == ["done"]
    world.fresh.refresh_from_db()
    assert world.fresh.status == Status.MOBILIZING


def test_the_same_step_twice_changes_nothing(api, world, worker):
    client = api(world.pipeline)
    first = client.post("gate/", step(world)).json()
    before = stored()
    second = client.post("gate/", step(world)).json()
    assert stored() == before
    assert first == second


def test_a_fix_that_leaves_the_weakness_or_brings_one_in_fails(api, world, worker):
    bad = fixed_code(world.line, world.fresh).change(
        {"app/new.py": "import pickle\npickle.loads(x)\n"}
    )
    body = step(world, head=bad)
    body["fix"] = {**body["fix"], "head_commit": bad.commit, "head_tree": bad.tree,
                   "diff": make.diff_of(code_of(world.line), bad).decode()}  # fmt: skip
    answer = api(world.pipeline).post("gate/", body).json()
    assert (answer["verdict"], answer["lamps"]["safe"]) == ("fail", "fail")
    (judged,) = answer["judgements"]
    assert [(new["rule"], new["path"]) for new in judged["judgement"]["new"]] == [
        ("B301", "app/new.py")
    ]


def test_a_new_push_of_the_same_pull_request_is_a_revision_of_the_same_fix(api, world, worker):
    client = api(world.pipeline)
    body = step(world)
    body["fix"]["url"] = "https://git.example.org/web/pull/7"
    first = client.post("gate/", body).json()["remediation"]
    head = fixed_code(world.line, world.fresh).committed_as("second push")
    body = step(world, head=head)
    body["fix"] |= {"url": first["url"], "head_commit": head.commit}
    second = client.post("gate/", body).json()["remediation"]
    assert second["id"] == first["id"]
    assert second["head_commit"] == head.commit


def test_without_findings_it_answers_what_the_fix_brought_in(api, world, worker):
    body = step(world, findings=[])
    base = code_of(world.line)
    body["scans"].append(scan_of(base, "before"))
    response = api(world.pipeline).post("gate/", body)
    assert response.status_code == 200, response.text
    (judged,) = response.json()["judgements"]
    assert (judged["finding"], judged["verification"]) == (None, None)
    assert judged["judgement"]["originals"] == []


def test_a_scan_of_the_base_never_changes_the_line(api, world, worker):
    """An old base must neither hide nor reopen what happened on the line since."""
    statuses = stored()[1]
    old = code_of(world.line).change({world.closed.path: make.weak_file(world.closed.path)})
    body = step(world)
    body["scans"].append(scan_of(old, "before"))
    assert api(world.pipeline).post("gate/", body).status_code == 200
    now = {pk: status for pk, status, _ in stored()[1]}
    was = {pk: status for pk, status, _ in statuses}
    assert {pk for pk in now if now[pk] != was[pk]} == {world.fresh.pk}  # being fixed now
    assert Scan.objects.latest("pk").purpose == "control"


def test_scans_that_are_here_already_are_named_by_id(api, world, worker):
    client = api(world.pipeline)
    first = client.post("gate/", step(world)).json()
    body = step(world, scans=[{"role": "after", "id": first["scans"][0]["id"]}])
    assert client.post("gate/", body).json() == first


def test_what_is_not_read_in_time_is_pending_and_nothing_is_judged_without_it(api, world):
    client = api(world.pipeline)
    response = client.post("gate/", step(world), headers={"Prefer": "wait=0"})
    assert response.status_code == 202
    answer = response.json()
    assert (answer["verdict"], answer["pending"]) == ("unknown", True)
    make.run_job(Scan.objects.get(pk=answer["scans"][0]["id"]))
    again = client.post("gate/", step(world), headers={"Prefer": "wait=0"})
    assert again.status_code == 200
    assert again.json()["lamps"]["safe"] == "pass"


def test_a_broken_report_is_refused_with_the_place(api, world, worker):
    broken = {"role": "after", "sarif_gzip_base64": packed(b'{"version": "2.1.0"}'), "facts": {}}
    response = api(world.pipeline).post("gate/", step(world, scans=[broken]))
    assert response.status_code == 400
    assert response.json()["where"].startswith("scan-")


UNUSABLE = [
    ({"scans": [{"role": "after"}]}, "scans"),
    ({"scans": [{"role": "after", "id": 2**50}]}, "scans[0].id"),
    ({"scans": [{"role": "after", "sarif_gzip_base64": "e30="}]}, "scans[0].sarif_gzip_base64"),
    ({"scans": [{"role": "during", "id": 1}]}, "scans"),
    ({"fix": {"title": "x"}}, "fix"),
    ({"findings": [2**50]}, "findings"),
    ({"verdict": "pass"}, "verdict"),
    ({"asset": None}, "asset"),
]


def test_a_step_that_cannot_be_used_is_refused_before_anything_is_written(api, world):
    client = api(world.pipeline)
    before = stored()
    for change, place in UNUSABLE:
        response = client.post("gate/", step(world, **change))
        assert response.status_code == 400
        problem = response.json()
        assert place in problem.get("where", "") or place in problem.get("errors", {}), problem
    assert stored() == before


def test_scans_and_findings_of_others_are_not_found(api, world, elsewhere):
    client = api(world.pipeline)
    before, theirs = stored(), elsewhere.scan.pk
    assert (
        client.post("gate/", step(world, scans=[{"role": "after", "id": theirs}])).status_code
        == 400
    )
    assert client.post("gate/", step(world, findings=[elsewhere.fresh.pk])).status_code == 400
    assert stored() == before


def test_a_viewer_cannot_use_the_gate(api, world):
    before = Remediation.objects.count()
    assert api(world.viewer).post("gate/", step(world)).status_code == 403
    assert Remediation.objects.count() == before
