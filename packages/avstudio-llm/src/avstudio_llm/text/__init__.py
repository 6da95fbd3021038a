"""Words with times: subtitles and transcripts, read, cut into parts, broken into lines."""
