"""What writes this app's tables: the copy of moves, and reports."""
