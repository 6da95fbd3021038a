"""Caches of JSON values: in the process, or in a folder that several processes share."""
