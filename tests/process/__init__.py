"""The tap as a process of its own, on real time."""
