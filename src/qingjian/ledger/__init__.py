"""Tiled, witnessed transparency log as pure functions: see README.md."""
