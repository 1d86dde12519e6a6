"""The same statement laid out in another way: over several lines, or into one.

What is given back means the same to Python, or it is None.
"""

from __future__ import annotations

import ast

from bench.matching.draft import Source, last


def spread(source: Source, node: ast.stmt, *, trailing: bool) -> list[str] | None:
    """A statement of one line over several, one argument each, as a formatter would."""
    text = source.lines[node.lineno - 1]
    if node.lineno != last(node) or not text.isascii() or "#" in text:
        return None
    indent = " " * node.col_offset
    if isinstance(node, ast.Assert) and node.msg is None:
        test = text[node.test.col_offset : node.test.end_col_offset]
        return _same(node, [f"{indent}assert (", f"{indent}    {test}", f"{indent})"])
    calls = [call for call in ast.walk(node) if isinstance(call, ast.Call) and _arguments(call)]
    if not calls:
        return None
    return _same(node, _over_lines(text, calls[0], indent, "," if trailing else ""))


def joined(source: Source, node: ast.stmt) -> list[str] | None:
    """A statement of several lines in one."""
    lines = source.lines[node.lineno - 1 : last(node)]
    if len(lines) < 2 or any("#" in line for line in lines):
        return None
    parts = [line.strip() for line in lines]
    text = lines[0][: node.col_offset] + " ".join(parts).replace("( ", "(").replace(" )", ")")
    return _same(node, [text])


def _arguments(call: ast.Call) -> list[int]:
    """The columns where its arguments start."""
    given: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    if any(isinstance(entry, ast.GeneratorExp) for entry in given):
        return []
    return sorted(entry.col_offset for entry in given)


def _over_lines(text: str, call: ast.Call, indent: str, comma: str) -> list[str]:
    starts = _arguments(call)
    end = (call.end_col_offset or 1) - 1
    parts = [text[at:to].strip() for at, to in zip(starts, [*starts[1:], end], strict=True)]
    parts[-1] = parts[-1].rstrip(",") + comma
    inner = [f"{indent}    {part}" for part in parts]
    return [text[: starts[0]].rstrip(), *inner, f"{indent}{text[end:]}"]


def _same(node: ast.stmt, lines: list[str]) -> list[str] | None:
    """The lines, if they parse to the very same statement."""
    depth = " " * node.col_offset
    code = "\n".join(line.removeprefix(depth) for line in lines)
    wrapped = f"async def f():\n while 1:\n  {code}" if depth else code
    try:
        tree = ast.parse(wrapped)
    except SyntaxError:
        return None
    found = [entry for entry in ast.walk(tree) if isinstance(entry, type(node))]
    return lines if any(ast.dump(entry) == ast.dump(node) for entry in found) else None
