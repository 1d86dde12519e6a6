"""What everything stands on: people, events, jobs, refusals, permissions. Imports none of our apps but gate."""
