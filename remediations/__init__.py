"""Fixes: what was proposed, who wrote it, what it changes, who reviewed which revision. No verdicts."""
