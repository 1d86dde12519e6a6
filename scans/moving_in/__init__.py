"""Reading what other trackers export: rows with what people decided there. No database, no decisions of ours."""
