"""The rulebook of this office: packaged rows, and what people here have confirmed."""
