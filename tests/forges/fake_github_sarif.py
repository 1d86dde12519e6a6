"""What GitHub gives back of a report that was uploaded: its own conversion, not the bytes.

By answers of the real one: invocations, the run's properties (CodeQL's incrementalMode among them),
originalUriBaseIds and suppressions are gone; artifacts are those with results; level is filled in;
the commit and the number of each alert are added.
"""

import json
import uuid
from typing import Any

KEPT = (
    "ruleId", "rule", "ruleIndex", "message", "locations", "relatedLocations", "codeFlows",
    "partialFingerprints",
)  # fmt: skip


def as_github_returns(
    sarif: bytes, *, full_name: str, ref: str, commit: str, category: str
) -> bytes:
    """Return GitHub's version of a report; what is no SARIF as it is."""
    try:
        runs = [_run(run, full_name, ref, commit, category) for run in json.loads(sarif)["runs"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return sarif
    schema = "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json"
    return json.dumps({"runs": runs, "$schema": schema, "version": "2.1.0"}).encode()


def _run(
    run: dict[str, Any], full_name: str, ref: str, commit: str, category: str
) -> dict[str, Any]:
    rules = {
        rule["id"]: rule
        for part in (run["tool"]["driver"], *run["tool"].get("extensions", []))
        for rule in part.get("rules", [])
    }
    results = [_result(result, rules, full_name) for result in run.get("results") or []]
    uris = dict.fromkeys(uri for result in results for uri in _uris(result))
    return {
        "artifacts": [{"location": {"index": at, "uri": uri}} for at, uri in enumerate(uris)],
        "automationDetails": {"id": f"{category}/"},
        "conversion": {"tool": {"driver": {"name": "GitHub Code Scanning"}}},
        "results": results,
        "tool": run["tool"],
        "versionControlProvenance": [
            {
                "branch": ref,
                "repositoryUri": f"https://github.com/{full_name}",
                "revisionId": commit,
            }
        ],
    }


def _result(result: dict[str, Any], rules: dict[str, Any], full_name: str) -> dict[str, Any]:
    told = {name: result[name] for name in KEPT if name in result}
    rule = str(told.get("ruleId") or told.get("rule", {}).get("id", ""))
    default = rules.get(rule, {}).get("defaultConfiguration", {}).get("level", "warning")
    name = json.dumps([rule, _uris(result), result.get("partialFingerprints")])
    number = 1 + uuid.uuid5(uuid.NAMESPACE_URL, name).int % 1_000
    return {
        **told,
        "level": result.get("level", default),
        "correlationGuid": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "properties": {
            "github/alertNumber": number,
            "github/alertUrl": f"https://api.github.com/repos/{full_name}/code-scanning/alerts/{number}",
        },
    }


def _uris(result: dict[str, Any]) -> list[str]:
    places = [place.get("physicalLocation", {}) for place in result.get("locations", [])]
    return [place["artifactLocation"]["uri"] for place in places if "artifactLocation" in place]
