"""Findings and their lifecycle. Knows nothing of remediations, scans or tickets: evidence is brought."""
