"""Code hosts (GitHub, GitLab): connections, webhooks in, check runs out. Empty until it holds real adapters."""
