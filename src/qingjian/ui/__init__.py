"""Base templates and the list, filter, export and form kit of every page. Knows Django, knows no app."""
