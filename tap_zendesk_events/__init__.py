"""Singer tap for Zendesk's incremental ticket event export."""
