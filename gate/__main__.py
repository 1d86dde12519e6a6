"""``python -m gate``: the pipeline command. No server, no database.

Exit status: 0 pass, 1 fail, 2 unknown, 3 the input or the call cannot be used (one line on standard
error says what and where). Imports wait until the call is understood: start time.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NoReturn

from gate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gate.evidence import Document
    from gate.judgement import Judgement

EXIT = {"pass": 0, "fail": 1, "unknown": 2}
UNUSABLE = 3
MOST_BYTES = 512 * 1024 * 1024  # of one file
MOST_HELD = 1024 * 1024  # bytes of an answer; a longer one waits in a temporary file
MOST_SAID = 2000  # characters of an error
FORMATS = ("text", "json", "markdown", "sarif")


class Parser(argparse.ArgumentParser):
    """Wrong calls raise InputError instead of argparse's exit status 2, which means unknown here."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError."""
        raise InputError("call", message)


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    try:
        if argv[:1] in (["run"], ["facts"]):
            from gate import collect

            return collect.main(argv)
        if argv[:1] == ["verify"]:
            from gate import certificate

            return certificate.main(argv)
        if argv[:1] == ["policy"]:
            from gate import policy_command

            return policy_command.main(Parser("python -m gate policy"), argv[1:], _read)
        return _judge(_parser().parse_args(argv))
    except (InputError, OSError) as error:
        return _unusable(str(error))
    # The edge: no error of ours may end with 1, which is the verdict "fail".
    except Exception as error:  # noqa: BLE001
        return _unusable(f"internal error: {type(error).__name__}: {error}")


def _unusable(what: str) -> int:
    sys.stderr.write(f"gate: {' '.join(what.split())[:MOST_SAID]}\n")
    return UNUSABLE


def _judge(call: argparse.Namespace) -> int:
    """Read everything, judge, write the answer."""
    from gate import facts as fact_reader
    from gate.assemble import assemble
    from gate.judgement import judge
    from gate.policy import DEFAULT, load

    after = _documents(call.after)
    facts = fact_reader.join({path: fact_reader.parse(_read(path), path) for path in call.facts})
    facts["at"] = facts.get("at") or _now()
    evidence = assemble(
        after=after,
        before=_documents(call.before),
        control=_documents(call.control),
        later=_documents(call.later),
        diff=_documents([call.diff])[0],
        known=_documents([call.known])[0] if call.known else None,
        findings=call.finding,
        facts=facts,
        facts_name=" + ".join(call.facts) or "facts",
    )
    policy = load(_read(call.policy), call.policy) if call.policy else DEFAULT
    judgement = judge(evidence, policy, lamp=call.lamp)
    _write(_render(judgement, call.format, after), call.output)
    return EXIT[judgement.verdict]


def _render(judgement: Judgement, form: str, after: list[Document]) -> Iterable[str]:
    from gate import output, sarif_output

    if form == "sarif":
        return sarif_output.write(judgement, after)
    if form == "json":
        return output.in_json(judgement)
    writers = {"text": output.to_text, "markdown": output.to_markdown}
    return [writers[form](judgement)]


def _parser() -> Parser:
    parser = Parser(
        "python -m gate",
        allow_abbrev=False,
        description="Is the original finding gone, and did the fix bring in nothing new?",
        epilog="also: python -m gate run | facts | verify | policy show|check|diff|replay",
    )
    add = parser.add_argument
    add("--after", action="append", required=True, metavar="REPORT", help="scan after the fix")
    add("--diff", required=True, help="the fix, as git diff -M writes it")
    add("--before", action="append", default=[], metavar="REPORT", help="scan before the fix")
    add("--control", action="append", default=[], metavar="REPORT", help="positive control")
    add("--later", action="append", default=[], metavar="REPORT",
        help="full scan of a later revision: does the fix still hold?")  # fmt: skip
    add("--known", metavar="JSON", help="what is already open on the line")
    add("--finding", action="append", default=[], metavar="REF",
        help="RULE@PATH:LINE or FILE#/runs/0/results/3 of a before scan; without it only new")  # fmt: skip
    add("--facts", action="append", default=[], metavar="JSON",
        help="what the reports do not say; several are joined")  # fmt: skip
    add("--policy", metavar="TOML", help="another policy than the default one")
    add("--lamp", choices=("safe", "right", "both"), default="safe")
    add("--format", choices=FORMATS, default="text")
    add("--output", metavar="FILE", help="where to write the answer, else standard output")
    return parser


def _documents(paths: list[str]) -> list[Document]:
    """The documents, whose files are opened and not yet read. Raises InputError."""
    from gate.evidence import Document
    from gate.formats import content

    return [Document(path, content.opened(path, MOST_BYTES)) for path in paths]


def _read(path: str) -> bytes:
    """The bytes of a file. Raises InputError for what cannot be read or is too large."""
    from gate.formats import content

    found = content.opened(path, MOST_BYTES)
    if content.size(found) > MOST_BYTES:
        raise InputError(path, f"more than {MOST_BYTES} bytes")
    return content.whole(found)


def _write(pieces: Iterable[str], path: str | None) -> None:
    """Write the answer once all of it is there: it may be made from the file that it replaces."""
    from shutil import copyfileobj
    from tempfile import SpooledTemporaryFile

    with SpooledTemporaryFile(MOST_HELD) as answer:
        for piece in pieces:
            answer.write(piece.encode("utf-8", "replace"))
        answer.seek(0)
        if path is None:
            sys.stdout.flush()
            copyfileobj(answer, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        with open(path, "wb") as file:
            copyfileobj(answer, file)


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
