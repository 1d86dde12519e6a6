"""GitLab's secret detection reports without the secrets that they found. Pure: bytes in, bytes out.

The gate reads GitLab's reports as they are (``gate.formats.gitlab``); what is here is only what
must not be stored beside them. Every other kind of report is left byte for byte as it was.
"""

import hashlib
import json
from typing import Any, NoReturn

from core.errors import BadInput
from gate.formats.gitlab import DIGEST

SECRETS = "secret_detection"
_SHOWN = ("raw_source_code_extract", "details", "cve")  # members that may hold the secret

Json = dict[str, Any]


def without_secrets(content: bytes) -> bytes:
    """Return the report, of signatures only digests. Raises BadInput for what is no JSON."""
    report = _parsed(content)
    scan = report.get("scan") if type(report) is dict else None
    if type(scan) is not dict or scan.get("type") != SECRETS:
        return content
    for vulnerability in _objects(report, "vulnerabilities"):
        for name in _SHOWN:
            vulnerability.pop(name, None)
        tracking = vulnerability.get("tracking")
        for item in _objects(tracking, "items"):
            for signature in _objects(item, "signatures"):
                signature["value"] = _digest(signature.get("value"))
    return json.dumps(report, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _digest(value: Any) -> Any:
    """A text as the gate would keep it; what is no text is left for the gate to refuse."""
    if not isinstance(value, str) or value.startswith(DIGEST):
        return value
    return f"{DIGEST}{hashlib.sha256(value.encode(errors='replace')).hexdigest()}"


def _objects(parent: Any, name: str) -> list[Json]:
    found = parent.get(name) if isinstance(parent, dict) else None
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadInput("report", "This is not JSON.") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
