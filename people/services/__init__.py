"""Verbs on accounts and their sessions."""
