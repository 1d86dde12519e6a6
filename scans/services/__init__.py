"""Verbs of the evidence: uploads, our own runs, judgements, clearances."""
