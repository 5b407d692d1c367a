"""Pages of data integrity: clues, the funnel, rule sets."""
