"""Stored results on another basis than the one of their date: another edition, another phase, another standard.

Nothing here is stored: what counts stays the result on the edition in force on the date of the data.
"""
