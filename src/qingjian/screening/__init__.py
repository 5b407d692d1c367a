"""Screening: find faulty and falsified monitoring data (raw clues for people, never verdicts)."""
