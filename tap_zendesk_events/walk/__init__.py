"""The walk along Zendesk's time line, and what each stream keeps of it. Knows no SDK."""
