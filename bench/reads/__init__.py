"""How long lists and overview pages take, and whether that grows with the findings."""
