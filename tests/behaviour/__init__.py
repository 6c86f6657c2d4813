"""Runs of the tap in this process, on simulated time."""
