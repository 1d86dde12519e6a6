"""How long looks at a large organisation take, and how much they ask: a fake GitHub in a process of its own."""
