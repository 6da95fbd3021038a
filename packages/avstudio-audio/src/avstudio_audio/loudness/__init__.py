"""Loudness and peaks of sound, by ITU-R BS.1770-4, EBU R 128, Tech 3341 and Tech 3342."""
