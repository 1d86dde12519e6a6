"""What a file is by its bytes, and a name that is safe to hand out. Pure.

Few kinds are told, none of which a browser would run; all else is bytes. What somebody says of a file
counts for nothing.
"""

import re
import unicodedata

BYTES, TEXT = "application/octet-stream", "text/plain"
LONGEST = 120  # characters of a name
LOOKED_AT = 64 * 1024  # bytes that tell a text
MAGIC = (  # how a file begins → what it is
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\xd4\xc3\xb2\xa1", "application/vnd.tcpdump.pcap"),
    (b"\xa1\xb2\xc3\xd4", "application/vnd.tcpdump.pcap"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
)
KINDS = sorted({BYTES, TEXT, "image/webp", "video/mp4", *(kind for _, kind in MAGIC)})
_KEPT = re.compile(r"[^\w.()+@=, -]")  # letters of any script, digits, and a little more


def kind_of(data: bytes) -> str:
    """Return the media type that the bytes tell: a few kinds, text/plain, else just bytes."""
    for start, kind in MAGIC:
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return "video/mp4"
    return TEXT if _is_text(data[:LOOKED_AT]) else BYTES


def _is_text(start: bytes) -> bool:
    if b"\x00" in start:
        return False
    for cut in range(4):  # the last character may be cut in two
        try:
            start[: len(start) - cut].decode()
        except UnicodeDecodeError:
            continue
        return True
    return False


def safe_name(name: str) -> str:
    """Return the last part of a name without what could mislead: paths, controls, turned writing.

    What is left of it in full length keeps its ending; nothing left: ``file``.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    shown = "".join(c for c in last if unicodedata.category(c)[0] not in "CZ" or c == " ")
    clean = " ".join(_KEPT.sub("_", shown).split()).lstrip(".-").rstrip(". ")
    if len(clean) > LONGEST:
        stem, dot, ending = clean.rpartition(".")
        ending = f"{dot}{ending}" if stem and len(ending) <= 12 else ""
        clean = clean[: LONGEST - len(ending)] + ending
    return clean or "file"
