"""What programs read: cases evaluated, standards, points, observations, results. Composition only: no rule lives here."""
