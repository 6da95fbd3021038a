"""Stream copy: encoded packets go from one file to another, and are not decoded."""
