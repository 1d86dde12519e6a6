"""How long reading a report takes, and how much memory."""
