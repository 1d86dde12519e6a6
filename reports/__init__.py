"""Periodic reports from set-based metrics. Empty until it holds real ones; will write its own tables only."""
