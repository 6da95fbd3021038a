"""What everything that is served by HTTP shares: who may come in, how much, and how errors are worded."""
