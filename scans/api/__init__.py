"""Doors to scans, fixes and judgements, and those to findings that need evidence from here."""
