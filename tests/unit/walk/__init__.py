"""The walk along the time line, and what it goes by."""
