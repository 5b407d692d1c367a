"""Regions, organisations, users, posts, roles and the audit trail of access."""
