"""From a stored file to findings and judgements: store → parse → match → merge."""
