"""From an event to rows of the streams. Knows no SDK and no network."""
