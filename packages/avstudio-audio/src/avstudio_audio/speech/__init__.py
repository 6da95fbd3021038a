"""Speech to text: the engine, its transcripts, subtitles made of them."""
