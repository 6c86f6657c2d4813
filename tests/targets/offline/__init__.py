"""Targets of services that cannot be had here, each run with the service's part played or cut out.

Each module is a program for the Python of the target's environment, run in the target's working
folder with the target's own options. It starts the target's console script, and leaves in
``stored`` what the target would have loaded. It says nothing about what the service makes of it.
"""
