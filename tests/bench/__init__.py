"""Measures the tap beside its peers: the same events from the same test server, in one run."""
