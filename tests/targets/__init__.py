"""Which targets store what the tap sends: real ones, run and read back."""
