"""What the machine found and what people make of it: findings, alerts, marks, clues."""
