"""What talks to Zendesk."""
