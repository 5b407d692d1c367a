"""Evaluation by the standards: stored results of every edition, exceedances, and the pages that show them."""
