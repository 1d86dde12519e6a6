"""Benchmarks that are run by hand: what they print is measured, never estimated."""
