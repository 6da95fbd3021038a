"""Speech to text: Whisper, its prompt, the language of speech, the review of transcripts."""
