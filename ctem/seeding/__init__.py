"""Databases that are made up, to try and to measure with: see ``manage.py seed``."""
