"""What belongs to the SDK."""
