"""What is counted, and how: set-based, over findings, their moves and the rows of the second loop.

Every figure has its definition in ``definitions``. Nothing here writes. One call is ``figures_of``.
"""
