"""Evaluation by the Chinese environmental quality and emission standards: every result explained."""
