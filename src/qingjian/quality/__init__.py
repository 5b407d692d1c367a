"""Validity, aggregation, conversion, comparison, completeness and checks. See README.md in this folder."""
