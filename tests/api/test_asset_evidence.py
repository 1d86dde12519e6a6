"""What evidence is worth at an asset, by the API."""

from tests import factories as make
from tests.code import Code, sarif_of

WEAK = Code({"app/a.py": "def show(a):\n    return eval(a)\n"})


def test_it_answers_what_arrives_and_what_a_perfect_fix_would_lack(api, world):
    asset = make.make_asset(world.scope)
    make.upload_and_ingest(asset, sarif_of(WEAK), {"scope": "full"})
    answer = api(world.pipeline).get(f"assets/{asset.pk}/evidence/").json()
    (setup,) = answer["setups"]
    assert setup["facts_source"] == "declared"
    person = next(row for row in setup["rehearsed"] if row["writer"] == "a person")
    missing = {row["id"]: row["owner"] for row in person["missing"]}
    assert missing["CONTENT_BINDING"] == "whoever runs the scans"
    assert len(answer["weeks"]) == 8
