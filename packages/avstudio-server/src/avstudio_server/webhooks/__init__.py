"""Webhooks: addresses that are notified of events, signed as Standard Webhooks describes."""
