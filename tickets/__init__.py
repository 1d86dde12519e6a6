"""Trackers and webhooks: tickets that follow a finding and never close it, and messages to others."""
