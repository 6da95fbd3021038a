"""Effects on pictures and sound: their parameters, and what each does with frames and samples."""
