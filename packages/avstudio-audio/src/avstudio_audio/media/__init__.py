"""Sound in and out of files: decode, encode, probe, mix, resample."""
