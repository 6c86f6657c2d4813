"""Real processes: Meltano, the tap and real targets."""
