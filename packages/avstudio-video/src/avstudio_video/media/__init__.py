"""Media files: opened, described and decoded."""
