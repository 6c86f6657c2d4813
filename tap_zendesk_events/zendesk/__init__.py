"""Everything between the tap and Zendesk: one page, for as long as it takes. Knows no SDK."""
