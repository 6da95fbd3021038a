"""Secrets: the stores of the core, and the order in which a studio asks them."""
