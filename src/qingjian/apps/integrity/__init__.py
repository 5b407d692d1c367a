"""Integrity of data: clues and how people verify them."""
