"""Ambient air: index, means, annual statistics, composite index, ranking and events."""
