"""Governance: what is ordered to be put right, and whether it was."""
