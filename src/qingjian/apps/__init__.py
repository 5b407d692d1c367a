"""Django apps of floor 3; foreign keys and imports point to lower apps only."""
