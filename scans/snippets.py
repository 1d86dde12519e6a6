"""What to put into a pipeline so that it uploads for an asset: texts from templates/snippets, filled in.

No request and no rows here. A text never holds a key, only the name under which the pipeline keeps it.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from django.conf import settings

from gate.strict import visible

_PLACE = re.compile(r"@@([a-z_]+)")
_PART = re.compile(r"^( *)@@(scan|upload)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class System:
    """A system that runs pipelines: its word in addresses, its name, and the file that a text goes to."""

    key: str
    name: str
    file: str
    template: str
    signs: bool = False  # tells who a run is: no key is stored


@dataclass(frozen=True, slots=True)
class Snippet:
    """The text for one system, ready to be copied."""

    system: System
    text: str


SYSTEMS = (
    System("github", "GitHub Actions", ".github/workflows/ctem.yml", "github.yml", signs=True),
    System("gitlab", "GitLab CI", ".gitlab-ci.yml", "gitlab.yml", signs=True),
    System("azure", "Azure DevOps", "azure-pipelines.yml", "azure.yml"),
    System("jenkins", "Jenkins", "Jenkinsfile", "jenkins.groovy"),
    System("shell", "Plain shell", "ctem-scan.sh", "shell.sh"),
)


def snippets(*, server: str, tokens: str, asset: int, line: str, audience: str) -> list[Snippet]:
    """Return one text a system. ``server``: its address without a slash at the end.

    ``tokens``: the address of the page where tokens are made.
    """
    line = visible(line)  # no line ends: it stands in comments, and in blocks that are indented
    values = {
        "asset": str(asset),
        "line_comment": line,
        "tokens_comment": visible(tokens),
        "line_word": shlex.quote(line),
        "line_yaml": _yaml(line),
        "line_rule_yaml": _yaml(f'$CI_COMMIT_BRANCH == "{line}"'),
        "line_groovy": _groovy(line),
        "server_word": shlex.quote(server),
        "server_yaml": _yaml(server),
        "server_groovy": _groovy(server),
        "audience_yaml": _yaml(audience),
        "audience_query": quote(audience, safe=""),
    }
    return [Snippet(system, _text(system.template, values)) for system in SYSTEMS]


def _text(template: str, values: Mapping[str, str]) -> str:
    folder = Path(settings.BASE_DIR) / "templates" / "snippets"

    def part(match: re.Match[str]) -> str:
        lines = (folder / f"part-{match[2]}.sh").read_text(encoding="utf-8").splitlines()
        return "\n".join(match[1] + line for line in lines)

    if template.endswith(
        ".groovy"
    ):  # where its texts hold shell, a backslash means something twice
        values = {**values, "line_word": values["line_word"].replace("\\", "\\\\")}
    text = _PART.sub(part, (folder / template).read_text(encoding="utf-8"))
    return _PLACE.sub(lambda match: values[match[1]], text)


def _yaml(text: str) -> str:
    """A scalar of YAML in single quotes: nothing in it means anything."""
    return "'" + text.replace("'", "''") + "'"


def _groovy(text: str) -> str:
    """A text of Groovy in single quotes, where only these two mean something."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
