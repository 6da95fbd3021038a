"""The formats of subtitle files, one module for each that is only written."""
