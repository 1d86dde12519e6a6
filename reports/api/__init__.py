"""Doors to figures and reports."""
