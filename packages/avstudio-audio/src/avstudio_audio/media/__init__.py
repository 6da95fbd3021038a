"""Sound in and out of files: decode, encode, contents, mix, resample."""
