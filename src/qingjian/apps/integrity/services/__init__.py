"""All writes of data integrity: results of screening, rule sets, muting, and what people decide about clues."""
