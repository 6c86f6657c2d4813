"""The files around the tap say what it does."""
