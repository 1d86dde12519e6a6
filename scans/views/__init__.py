"""Pages that show findings and fixes together with their evidence: the only ones that see all of it."""
