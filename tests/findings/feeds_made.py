"""Feeds as their publishers write them, small, and findings that name CVEs."""

import gzip
import json

from findings.models import Finding
from tests import factories as make

LOG4SHELL, OLD, OTHER = "CVE-2021-44228", "CVE-2019-10744", "CVE-2020-8203"


def kev(*cves, ransomware=(), released="2026-11-20T12:00:00.0000Z"):
    entries = [
        {
            "cveID": cve, "vendorProject": "Apache", "product": "Log4j2", "vulnerabilityName": "X",
            "dateAdded": "2021-12-10", "shortDescription": "x", "requiredAction": "x",
            "dueDate": "2021-12-24",
            "knownRansomwareCampaignUse": "Known" if cve in ransomware else "Unknown",
            "notes": "", "cwes": ["CWE-20"],
        }
        for cve in cves
    ]  # fmt: skip
    told = {
        "title": "CISA Catalog", "catalogVersion": "2026.11.20", "dateReleased": released,
        "count": len(entries), "vulnerabilities": entries,
    }  # fmt: skip
    return json.dumps(told).encode()


def epss(*, day="2026-11-22", packed=True, **scores):
    """``CVE_2021_44228=0.97``: names of arguments hold no hyphen."""
    lines = [
        f"#model_version:v2025.03.14,score_date:{day}T12:55:00Z",
        "cve,epss,percentile",
        *(f"{name.replace('_', '-')},{score},0.5" for name, score in scores.items()),
    ]
    data = "\n".join([*lines, ""]).encode()
    return gzip.compress(data) if packed else data


CWE = b"""CWE-ID,Name,Weakness Abstraction,Status,Description
79,"Improper Neutralization of Input During Web Page Generation ('Cross-site Scripting')",Base,Stable,"a
b"
89,"Improper Neutralization of Special Elements used in an SQL Command ('SQL Injection')",Base,Stable,x
"""


def report(*results):
    """SARIF of a scanner of packages; each result: (rule id, level, properties)."""
    return {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "grype",
                        "rules": [
                            {"id": rule, "properties": properties}
                            for rule, _, properties in results
                        ],
                    }
                },
                "invocations": [{"executionSuccessful": True}],
                "results": [
                    {
                        "ruleId": rule, "level": level, "message": {"text": f"{rule} is in here"},
                        "locations": [
                            {"physicalLocation": {"artifactLocation": {"uri": f"pom{at}.xml"}}}
                        ],
                    }
                    for at, (rule, level, _) in enumerate(results)
                ],
            }
        ],
    }  # fmt: skip


def findings_of(asset, *results):
    """The findings of a report, in its order, with the CVEs that they name kept."""
    make.upload_and_ingest(asset, report(*results), {"scope": "full", "commit": "ab" * 20})
    found = {row.rule: row for row in Finding.objects.filter(asset=asset)}
    return [found[rule] for rule, _, _ in results]
