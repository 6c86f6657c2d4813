"""From events to rows."""
