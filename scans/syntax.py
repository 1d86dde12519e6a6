"""Whether a file still parses in its language: a scanner skips what it cannot parse, often without a word.

Grammars are tree-sitter's: they read on after an error, and say that there was one. Only a file that
parsed before and does not now says something: a grammar may be older than the code. No I/O here.
"""

from collections.abc import Callable
from functools import cache
from pathlib import PurePosixPath

import tree_sitter_c_sharp
import tree_sitter_go
import tree_sitter_java
import tree_sitter_javascript
import tree_sitter_php
import tree_sitter_python
import tree_sitter_ruby
import tree_sitter_typescript
from tree_sitter import Language, Parser

MOST_BYTES = 2 * 1024 * 1024  # of one file; a parser is linear, generated files are not looked at
GRAMMARS: dict[str, Callable[[], object]] = {
    ".py": tree_sitter_python.language,
    ".js": tree_sitter_javascript.language,
    ".jsx": tree_sitter_javascript.language,
    ".mjs": tree_sitter_javascript.language,
    ".cjs": tree_sitter_javascript.language,
    ".ts": tree_sitter_typescript.language_typescript,
    ".tsx": tree_sitter_typescript.language_tsx,
    ".java": tree_sitter_java.language,
    ".go": tree_sitter_go.language,
    ".rb": tree_sitter_ruby.language,
    ".cs": tree_sitter_c_sharp.language,
    ".php": tree_sitter_php.language_php,
}


def is_known(path: str) -> bool:
    """Whether there is a grammar for the file, by the end of its name."""
    return PurePosixPath(path).suffix.lower() in GRAMMARS


def is_broken(path: str, content: bytes) -> bool:
    """Whether the file does not parse. False for what is no language here or too large."""
    if not is_known(path) or len(content) > MOST_BYTES:
        return False
    return _parser(PurePosixPath(path).suffix.lower()).parse(content).root_node.has_error


@cache
def _parser(suffix: str) -> Parser:
    return Parser(Language(GRAMMARS[suffix]()))
