"""Files of video: containers, codecs and the writer of pictures and sound."""
