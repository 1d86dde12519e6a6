"""The generated clients, driven through one life of a finding against the product as it runs."""

import base64
import gzip
import json
import subprocess
import sys

import pytest

from tests.code import Code, diff_of, facts_of, sarif_of
from tests.contract.product import ROOT
from tests.contract.test_tour import environ_of, run_typescript

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("contract"), pytest.mark.timeout(900)]

PRINTED = """\
scan done Bandit
finding B307 medium app/total.py prioritized
gate unknown pass unknown
refused 409 urn:ctem:problem:refused HUMAN_REVIEW
review approved approver
merged merged mobilization_complete
certificate application/vnd.in-toto+json 1
"""


def given(asset):
    """What a pipeline knows of a weakness and of its fix, as bodies of requests."""
    before = Code({"app/total.py": f"def total_{asset}(text):\n    return eval(text)\n"})
    after = before.change({"app/total.py": f"def total_{asset}(text):\n    return parse(text)\n"})
    merged = after.committed_as(f"squashed {asset}")
    fix = {
        "title": "Parse instead of evaluating", "diff": diff_of(before, after).decode(),
        "base_commit": before.commit, "base_tree": before.tree,
        "head_commit": after.commit, "head_tree": after.tree,
        "commits": [{"id": after.commit, "message": "Parse\n", "author": "dev <dev@example.org>"}],
    }  # fmt: skip
    return {
        "upload": {"asset": asset, "line": "main", **report(before)},
        "gate": {"asset": asset, "fix": fix, "scans": [{"role": "after", **report(after)}]},
        "review": {"decision": "approved", "commit": after.commit},
        "merge": {"merge_commit": merged.commit, "merge_tree": merged.tree},
    }


def report(code):
    data = gzip.compress(json.dumps(sarif_of(code)).encode())
    return {"sarif_gzip_base64": base64.b64encode(data).decode(), "facts": facts_of(code)}


def keys(demo):
    return {"PIPELINE": demo.tokens["pipeline"], "APPROVER": demo.tokens["approver"]}


def test_the_python_client_takes_a_finding_from_its_report_to_its_certificate(
    demo, make_asset, python_client
):
    flow = ROOT / "tests" / "contract" / "flow.py"
    done = subprocess.run(
        [sys.executable, flow], input=json.dumps(given(make_asset("py"))), capture_output=True, text=True,
        env=environ_of(demo, PYTHONPATH=str(python_client), **keys(demo)), check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (PRINTED, "")


def test_the_typescript_client_takes_a_finding_from_its_report_to_its_certificate(
    demo, make_asset, typescript_client
):
    text = (ROOT / "clients" / "typescript" / "flow.ts").read_text()
    told = json.dumps(given(make_asset("ts")))
    environ = environ_of(demo, **keys(demo))
    assert run_typescript(typescript_client, "flow", text, environ, told) == PRINTED
