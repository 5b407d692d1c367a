"""Regular jobs: one row per (job, period), run once, caught up when missed, visible on a page."""
