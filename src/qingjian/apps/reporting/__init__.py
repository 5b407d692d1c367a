"""Routine reports of air and water: page, Word and Excel with charts and the evaluation basis, stored by version."""
