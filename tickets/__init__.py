"""Trackers and webhooks: tickets that follow a finding and never close it. Empty until it holds real adapters."""
