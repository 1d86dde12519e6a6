"""A report as a file, from its snapshot alone: one module a format. No query, no clock."""
