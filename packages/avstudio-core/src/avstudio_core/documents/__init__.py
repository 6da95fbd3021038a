"""The files that cross packages, read and written in one place: transcripts and subtitles."""
