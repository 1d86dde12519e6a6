"""Clients of trackers: requests and answers, no rows of ours."""
