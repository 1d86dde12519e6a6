"""Machine evidence: scans, what they saw, and the gate's judgements over them. Completing lives here."""
