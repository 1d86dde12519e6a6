"""How right and how fast gate.matching is, beside what others do. ``python -m bench.matching``.

Edits of known truth on real code, scanned by real Bandit; nothing here is imported by the product.
"""
