"""Figures over findings, fixes and events, and periodic reports that freeze them. Writes its own tables only."""
