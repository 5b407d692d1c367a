"""Pages that compose several apps: menu, workbench, map."""
