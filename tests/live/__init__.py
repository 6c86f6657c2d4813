"""Asks Zendesk itself what only live traffic can settle: ``make live``."""
