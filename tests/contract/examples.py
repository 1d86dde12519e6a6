"""Write the examples of the API's description that are missing: ``python -m tests.contract.examples``.

Bodies are those of tests/api/bodies.py, answers those that the product gives to them. ``--all`` writes
every example anew.
"""

import argparse
import json
import os
import tempfile

import django

READS = (  # GET → its shape is shown with what it answers
    "assets_retrieve", "audit_last_closed_retrieve", "campaigns_retrieve", "clearances_retrieve",
    "connections_retrieve", "events_list", "findings_comments_list", "findings_list",
    "findings_retrieve", "findings_transitions_list", "groups_retrieve", "inbox_retrieve",
    "me_retrieve", "policies_retrieve", "proposals_retrieve", "remediations_list",
    "remediations_retrieve", "remediations_reviews_list", "scans_list", "scans_retrieve",
    "scopes_members_list", "scopes_retrieve", "teams_retrieve", "tickets_retrieve",
    "tokens_list", "tools_retrieve", "trackers_retrieve", "verifications_retrieve",
    "waivers_retrieve", "webhooks_retrieve",
)  # fmt: skip
FORMS = {  # bodies that tests send as forms
    "UploadFormRequest": {"asset": 1, "line": "main", "file": "(the bytes of report.sarif)",
                          "facts": '{"commit": "…", "scope": "full"}'},
    "UploadRequest": {"asset": 1, "line": "main", "facts": {"scope": "full", "tool_class": "sast"},
                      "sarif_gzip_base64": "H4sIAAAAAAAAA6vmUgACpbLUouLM/DwlKwUlIz0jPUMlLgCZJgkVFgAAAA=="},
}  # fmt: skip
HOST = "ctem.example"
MOST = 2  # of a list's members
LONGEST = 240  # characters of a text


def shortened(value):
    """The value with less of what repeats."""
    if isinstance(value, dict):
        return {name: shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shortened(each) for each in value[:MOST]]
    if isinstance(value, str) and len(value) > LONGEST and "\n" in value:
        return value[: value.rindex("\n", 0, LONGEST) + 1]
    return value


def collected():
    """Every example by the name of its component."""
    from drf_spectacular.generators import SchemaGenerator
    from rest_framework.test import APIClient

    from tests.api.bodies import body_of
    from tests.api.conftest import make_world

    spec, world, client = (
        SchemaGenerator().get_schema(request=None, public=True),
        make_world(),
        APIClient(),
    )
    client.force_authenticate(world.admin)
    found = dict(FORMS)
    for template, methods in spec["paths"].items():
        for method, operation in methods.items():
            name, path = operation["operationId"], world.path(template)
            body = body_of(name, world)
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                if body is not None and method != "get":
                    told = as_form(body) if kind.startswith("multipart/") else body
                    found.setdefault(component_of(content["schema"]), told)
            if name in READS:
                shape = operation["responses"]["200"]["content"]["application/json"]["schema"]
                data = json.loads(client.get(path, SERVER_NAME=HOST).content)
                found.update(shown(spec, shape, data))
    return {name: shortened(example) for name, example in found.items()}


def as_form(body):
    """The body with its text as a file."""
    kept = {name: value for name, value in body.items() if name != "text"}
    return {**kept, "file": "(the bytes of the file)"} if "text" in body else kept


def component_of(schema):
    return schema.get("$ref", "").rpartition("/")[2]


def shown(spec, shape, data):
    """The example of an answer; of a list that of its first row."""
    if "results" in data:
        shape = spec["components"]["schemas"][component_of(shape)]["properties"]["results"]
        data = data["results"]
    if isinstance(data, list):
        shape, data = shape["items"], next(iter(data), None)
    return {component_of(shape): data} if data else {}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="write those anew that are there, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ctem-examples-") as folder:
        os.environ |= {"CTEM_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "ctem.settings",
                       "CTEM_ALLOWED_HOSTS": HOST}  # fmt: skip
        django.setup()
        from django.core.management import call_command

        from ctem.examples import FILE

        call_command("migrate", verbosity=0)
        kept = {} if options.all else json.loads(FILE.read_text())
        told = {**collected(), **kept}
        FILE.write_text(json.dumps(dict(sorted(told.items())), indent=1, ensure_ascii=False) + "\n")
        print(f"{len(told)} examples, {len(told) - len(kept)} of them new")


if __name__ == "__main__":
    main()
