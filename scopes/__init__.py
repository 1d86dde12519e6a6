"""What we look at, and who may: scopes, assets, lines, memberships, tokens, gate policies."""
