"""What people and the clock do with webhooks: verbs, the relay, sending."""
