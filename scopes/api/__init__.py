"""Doors of the REST API."""
