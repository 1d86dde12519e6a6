"""Files of proposed fixes to records: CodeTF, the fixes of SARIF, unified diffs. Pure; nothing is applied.

A file is untrusted: what leaves the repository, is too much or is not understood is refused as a
whole, with its place.
"""

from gate.errors import InputError
from remediations.readers import codetf, sarif_fixes, unified_diff
from remediations.readers.offer import MAX_BYTES, Offer, Offers
from remediations.statuses import ProposalSource

READERS = {
    ProposalSource.CODETF: codetf.read,
    ProposalSource.SARIF: sarif_fixes.read,
    ProposalSource.DIFF: unified_diff.read,
}


def read_offers(data: bytes, source: ProposalSource | None, name: str) -> Offers:
    """Return what a file proposes; ``source`` None: told from its first bytes.

    Raises InputError whose ``where`` names the place.
    """
    if len(data) > MAX_BYTES:
        raise InputError(name, f"larger than allowed ({len(data)} > {MAX_BYTES} bytes)")
    return READERS[source or tell_source(data)](data, name)


def tell_source(data: bytes) -> ProposalSource:
    """What kind of file it is: JSON that speaks of runs is SARIF, other JSON CodeTF, the rest a diff."""
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith(b"{"):
        return ProposalSource.DIFF
    return ProposalSource.SARIF if b'"runs"' in data else ProposalSource.CODETF


__all__ = ["MAX_BYTES", "Offer", "Offers", "read_offers", "tell_source"]
