"""The rack: effects in a row, and how sound goes through them."""
