"""Code hosts: one adapter each, all of one shape (``host.Host``). No rows and no verdicts here."""
