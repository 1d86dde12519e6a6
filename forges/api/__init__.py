"""Doors for programs: connections and what they saw, and webhooks in."""
