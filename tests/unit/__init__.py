"""Each module of the package, in a file of its name."""
