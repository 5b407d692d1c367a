"""Matters (事项): the kernel of people's work that every process stands on."""
