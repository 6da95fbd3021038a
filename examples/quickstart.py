from avstudio_core import Studio

with Studio() as studio:
    song = studio.run("audio.separate", "song.mp3", stems=["vocals"])
    words = studio.run("audio.transcribe", song.stems["vocals"])
    studio.export(song.stems["vocals"], "vocals.flac", overwrite=True)
    studio.export(words.subtitles["srt"], "lyrics.srt", overwrite=True)
    print(words.text)
