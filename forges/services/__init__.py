"""Verbs on connections to code hosts, and the jobs that look at them. No adapter and no page here."""
