"""Settings and wiring: the only place where every room meets."""
