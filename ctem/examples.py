"""Examples of the API's shapes, kept as JSON beside this: put into the description when it is written.

``python -m tests.contract.examples`` adds those that are missing, from real requests and answers.
"""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_suffix(".json")


def add_examples(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Give each shape that has one its example; a hook of the generator of the description."""
    schemas = result["components"]["schemas"]
    for name, example in json.loads(FILE.read_text()).items():
        if name in schemas:
            schemas[name]["examples"] = [example]
    return result
