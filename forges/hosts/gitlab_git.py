"""What git says of a repository, worked out from what GitLab's API says of it. Pure: no request here.

GitLab names neither a commit's tree nor whole diffs. A tree's id follows from its entries, and the
text of ``git diff -M`` from a file's modes, names and hunks.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SHA1_LENGTH = 40
NOBODY = "\ufffd"  # what stands for bytes that are not UTF-8: they are lost

_SIMPLE = {
    0x07: b"\\a", 0x08: b"\\b", 0x09: b"\\t", 0x0A: b"\\n", 0x0B: b"\\v", 0x0C: b"\\f", 0x0D: b"\\r",
    0x22: b'\\"', 0x5C: b"\\\\",
}  # fmt: skip
_HEADERS = re.compile(r"--- [^\n]*\n\+\+\+ [^\n]*\n(?=@@ )")
_NO_MODES = frozenset({"", "0", "000000"})


# --- trees ---------------------------------------------------------------------------------------
def tree_id(entries: Iterable[Mapping[str, Any]]) -> str:
    """Return the object id of a tree with these entries (``mode``, ``name``, ``id``).

    Empty where a name is not known to the byte, or there is no entry: an empty tree is not told
    apart from one that could not be listed.
    """
    rows = [(str(row["name"]), str(row["mode"]).lstrip("0"), str(row["id"])) for row in entries]
    if not rows or any(NOBODY in name for name, _, _ in rows):
        return ""
    hashed = hashlib.sha1 if len(rows[0][2]) == SHA1_LENGTH else hashlib.sha256
    body = b"".join(
        mode.encode() + b" " + name + b"\0" + bytes.fromhex(object_id)
        for name, mode, object_id in sorted(
            ((name.encode(), mode, object_id) for name, mode, object_id in rows), key=_place
        )
    )
    return hashed(b"tree %d\0" % len(body) + body).hexdigest()


def empty_blob(like: str) -> str:
    """Return the id of an empty file, in the hash that ``like`` is an id of."""
    hashed = hashlib.sha1 if len(like) == SHA1_LENGTH else hashlib.sha256
    return hashed(b"blob 0\0").hexdigest()


def _place(row: tuple[bytes, str, str]) -> bytes:
    """What git orders a tree by: names, where those of folders end with a slash."""
    name, mode, _ = row
    return name + b"/" if mode == "40000" else name


# --- diffs ---------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Change:
    """One file of a comparison, as GitLab tells it. Modes are six digits, empty where it is not."""

    old_path: str
    new_path: str
    old_mode: str
    new_mode: str
    text: str  # hunks, or the line on binary files

    @property
    def is_new(self) -> bool:
        return not self.old_mode

    @property
    def is_gone(self) -> bool:
        return not self.new_mode

    @property
    def is_renamed(self) -> bool:
        return self.old_path != self.new_path

    @property
    def is_whole(self) -> bool:
        """Whether the text can be all there is. An empty one may have been left out instead: then
        the blobs tell (``must_be_empty``, ``must_be_equal``)."""
        same_kind = self.is_new or self.is_gone or self.old_mode[:3] == self.new_mode[:3]
        says = self.text or self.is_new or self.is_gone or self.is_renamed
        return bool(same_kind and (says or self.old_mode != self.new_mode))

    @property
    def must_be_empty(self) -> bool:
        """No text, and so an empty file that came or went."""
        return not self.text and (self.is_new or self.is_gone)

    @property
    def must_be_equal(self) -> bool:
        """No text, and so the same content before and after."""
        return not self.text and not self.is_new and not self.is_gone


def change_of(raw: Mapping[str, Any]) -> Change | None:
    """Read one entry of ``diffs``; None where GitLab does not give it whole, or not to the byte."""
    text = raw.get("diff") or ""
    old_path, new_path = str(raw["old_path"]), str(raw["new_path"])
    if raw.get("collapsed") or raw.get("too_large") or NOBODY in f"{text}{old_path}{new_path}":
        return None
    change = Change(
        old_path=old_path,
        new_path=new_path,
        old_mode=_mode(raw, "a_mode", absent=bool(raw.get("new_file"))),
        new_mode=_mode(raw, "b_mode", absent=bool(raw.get("deleted_file"))),
        text=_HEADERS.sub("", text, count=1) if text.startswith("--- ") else text,
    )
    return change if change.is_whole else None


def diff_text(changes: Iterable[Change]) -> bytes:
    """Return what ``git diff -M`` writes for these changes, without object ids and similarity."""
    return b"".join(map(_file, changes))


def _mode(raw: Mapping[str, Any], key: str, *, absent: bool) -> str:
    """A mode; one that GitLab leaves out is the other side's."""
    if absent:
        return ""
    mode = str(raw.get(key) or "")
    if mode in _NO_MODES:
        mode = str(raw.get("b_mode" if key == "a_mode" else "a_mode") or "")
    return "100644" if mode in _NO_MODES else mode


def _file(change: Change) -> bytes:
    old, new = change.old_path.encode(), change.new_path.encode()
    lines = [b"diff --git " + _quoted(b"a/" + old) + b" " + _quoted(b"b/" + new), *_modes(change)]
    if change.is_renamed and not change.is_new and not change.is_gone:
        lines += [] if change.text else [b"similarity index 100%"]
        lines += [b"rename from " + _quoted(old), b"rename to " + _quoted(new)]
    before = b"/dev/null" if change.is_new else _quoted(b"a/" + old)
    after = b"/dev/null" if change.is_gone else _quoted(b"b/" + new)
    if change.text.startswith("Binary files "):
        lines.append(b"Binary files " + before + b" and " + after + b" differ")
    elif change.text:
        lines += [b"--- " + _ended(before), b"+++ " + _ended(after)]
        lines.append(change.text.removesuffix("\n").encode())
    return b"\n".join(lines) + b"\n"


def _modes(change: Change) -> list[bytes]:
    if change.is_new:
        return [b"new file mode " + change.new_mode.encode()]
    if change.is_gone:
        return [b"deleted file mode " + change.old_mode.encode()]
    if change.old_mode != change.new_mode:
        return [b"old mode " + change.old_mode.encode(), b"new mode " + change.new_mode.encode()]
    return []


def _quoted(name: bytes) -> bytes:
    """A name as git writes it (quote.c): plain, or in quotes where a byte is not."""
    if all(0x20 <= byte < 0x7F and byte not in _SIMPLE for byte in name):
        return name
    return b'"' + b"".join(map(_escaped, name)) + b'"'


def _escaped(byte: int) -> bytes:
    if byte in _SIMPLE:
        return _SIMPLE[byte]
    return bytes([byte]) if 0x20 <= byte < 0x7F else b"\\%03o" % byte


def _ended(shown: bytes) -> bytes:
    """A name behind --- or +++: a tab ends one with spaces."""
    return shown + b"\t" if b" " in shown else shown
