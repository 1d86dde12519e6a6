"""Pages of connections to code hosts."""
