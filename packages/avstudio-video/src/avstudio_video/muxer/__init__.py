"""The parts from which a video file is put together: picture, sound, subtitles, chapters, cover and tags."""
