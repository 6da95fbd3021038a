"""Audio files: decode, encode, probe, mix, resample."""
