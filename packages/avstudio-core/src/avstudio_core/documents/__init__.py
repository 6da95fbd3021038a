"""Documents, the files that packages exchange: transcripts and subtitles are read and written here only."""
