"""The page of warnings: every code in a result, its meaning, and what to do."""

from __future__ import annotations

WARNINGS = {
    "audio": {
        "truncated": ("The file is truncated; the existing part was used.", "Get the whole file."),
        "damaged": ("Parts of the file cannot be decoded, and are replaced by silence.", "Get an undamaged copy."),
        "unread": (
            "The file goes on after the sound that its header states: a joined file, or a wrong size.",
            "Split the file into its parts, or correct the header.",
        ),
        "rescaled": (
            "The file contains floats in the range of integers, which were scaled to −1 to 1.",
            "Nothing; or make the program that wrote it write −1 to 1.",
        ),
        "other_tracks": (
            "The file has several audio tracks, and one was chosen: the main one, or another if that is silent.",
            "Give `track`: a number or a language.",
        ),
        "phase_cancelled": (
            "The channels cancel each other out: the loudest one was used instead of their mean.",
            "Nothing; or swap the polarity of one channel in the source.",
        ),
        "downmixed": ("The source has more than two channels, its stems have two.", "Nothing."),
        "resampled": (
            "The output's sample rate differs from the source's; frequencies above half of the output's rate are lost.",
            "Choose a format, or a model, that supports the rate of the source.",
        ),
        "bits_reduced": (
            "The format stores fewer bits of a sample than the source has.",
            "Choose a format that stores them, or set `bits`.",
        ),
        "labels_lost": (
            "The format cannot store some tags, the cover picture or the chapters of the source.",
            "Choose another format, such as `flac` or `m4a`, or turn off `tags`.",
        ),
        "cut_moved": (
            "The copied stream begins earlier or ends later than requested: it is cut between its packets.",
            "Turn off `stream_copy` to cut to the sample.",
        ),
        "nothing_cut": (
            "The transcript does not have filler words.",
            "Nothing, if it is right: speech recognition leaves out some of them.",
        ),
        "phrase_missing": (
            "A phrase to leave out is not in the transcript.",
            "Check the words of the transcript: they can be wrong.",
        ),
        "not_consistent": (
            "`consistency` was asked for, but `gain_mode` lowered or clipped single stems.",
            "Give `shared_rescale`, or `preserve` with the format `wav-float`.",
        ),
        "effect_unheard": ("An effect begins after the end of the sound.", "Correct its `start`."),
        "not_heard": (
            "A recording is not in the mix: its offset is beyond the end, or leaves out all of it.",
            "Correct the offset, or give another `length`.",
        ),
        "fade_shortened": ("A fade is longer than half of its part.", "Give shorter fades, or leave out short parts."),
        "span_shortened": ("The recording ends before the end of the part to keep.", "Nothing; or check the times."),
        "silent": ("The recording is digital silence.", "Check the recording; or give another `track`."),
        "constant": (
            "All samples have the same value, which nobody hears: the recorder had no signal, only an offset.",
            "Check the recording; or give another `track`.",
        ),
        "target_missed": (
            "A recording did not reach its target, because its true peak would exceed the ceiling.",
            "Choose `linear_then_limit`, a lower target, or a higher ceiling.",
        ),
        "ceiling_exceeded": (
            "The codec of the written file moves peaks above the ceiling.",
            "Give a lower `ceiling`, or choose a lossless format.",
        ),
        "frequency_lowered": (
            "An effect has a frequency that sound at the rate of the source does not have; the highest one is used.",
            "Nothing; or give a lower frequency.",
        ),
        "tail_cut": (
            "The echoes of the effects do not end within a minute, and are cut there.",
            "Set `tail`, or lower the feedback.",
        ),
        "no_level": (
            "The recording is silent, or too short or too quiet: its loudness cannot be measured.",
            "Check the recording, or use the mode `peak` or `rms`.",
        ),
        "format_changed": (
            "The format of the source cannot be kept: it has pictures, or sound is not written in it.",
            "Nothing; or give `format`.",
        ),
        "clipped": (
            "Values were cut off at full scale, by 0.1 dB or more, because the format holds no more.",
            "Lower `gain`, or use the format `wav-float`.",
        ),
        "parameter_ignored": (
            "A parameter that was given has no effect: the model, the chain of effects or the format does not use it.",
            "Leave it out; or use another model or format, or the effect that takes it.",
        ),
        "no_speech": (
            "No words were recognised in the recording.",
            "Nothing, if there is no speech; or turn off `vad` and give `language`.",
        ),
        "voice_skipped": (
            "A separated voice is heard where no speech is recognised, such as singing; it is not transcribed.",
            "Set `isolate_speech` to `auto` or `full`.",
        ),
        "language_uncertain": ("The language was not given, and was guessed.", "Give `language`."),
        "low_confidence": (
            "The model itself doubts some segments: their words are improbable.",
            "Check them; use a larger model, give `language`, or isolate the speech.",
        ),
        "empty_transcript": (
            "There are no words, but a voice or a loud sound: the model may have missed words.",
            "Give `language`, or use a larger model.",
        ),
        "hallucinated_over_silence": (
            "The model wrote words in near silence. Words in digital silence are left out.",
            "Check them; cut out the silence, or use `vad`.",
        ),
        "hallucinated_repeat": (
            "The model repeated itself, faster than speech; the repeat is left out.",
            "Check the place.",
        ),
        "repetition_loop": (
            "The same phrase repeats, even in the second run: the model may be in a loop.",
            "Check the place; use a larger model, or separate the vocals first.",
        ),
        "cue_reversed": (
            "Cues of the given file end before they begin, so they are shown for a moment only.",
            "Correct their times in the file.",
        ),
        "subtitle_rules": (
            "Subtitles break rules of the chosen preset or parameters; `report` says which, and why.",
            "Shorten their text; or choose other rules.",
        ),
        "no_pulse": ("The sound has no regular pulse, so it has no tempo and no beats.", "Nothing."),
        "mostly_removed": (
            "Noise suppression removed most of the sound: it treats music and singing as noise.",
            "Lower `strength`, or leave out this step.",
        ),
        "no_structure": (
            "No part of the sound comes again, or it is shorter than 20 s or longer than 20 min: it has no sections.",
            "Nothing; or give the song alone.",
        ),
        "no_key": ("No key fits: the sound is noise, speech or percussion.", "Nothing."),
        "impossible_speed": ("Words are faster than speech.", "Check their text and times."),
    },
    "video": {
        "detail_reduced": (
            "The picture is written with fewer bits, with less detail of colour, or without its transparency.",
            "Nothing for viewing; or give a `codec` that keeps them, such as `prores`, `hevc` or `ffv1`; "
            "a transparent WebM stays so in `webm` and `mkv`.",
        ),
        "glyphs_missing": (
            "The font does not have some characters of a text; a box is drawn for each.",
            "Give a `font` that has them.",
        ),
        "hdr_to_sdr": (
            "HDR becomes the colours of usual screens: the codec has 8 bits, or the first of joined videos is not HDR.",
            "Give a `codec` with 10 bits, such as `hevc` or `av1`; or the effect `tonemap`, to say that it is meant.",
        ),
        "hdr_metadata_lost": (
            "The new video is HDR, but does not tell how bright it is, or does not have the metadata of Dolby Vision.",
            "Give the `codec` `hevc` or `av1`, which keep the metadata of HDR10; or copy the picture.",
        ),
        "sound_cut": (
            "The sound is longer than the picture, and ends with it.",
            "Nothing; or take it out whole with `video.extract_audio`.",
        ),
        "target_missed": (
            "The sound does not reach its loudness with one gain, because its peaks would be too high.",
            "Give a lower `loudness`, or limit the sound with `audio.normalize`.",
        ),
        "tracks_left_out": (
            "The new file has one picture and one sound; other tracks, covers and fonts are left out.",
            "Nothing; or add them with `video.mux`.",
        ),
        "odd_size": (
            "The codec takes only an even width and height: a row or a column at the edge is cut.",
            "Nothing; or give the effect `crop` or `scale` another size.",
        ),
        "size_changed": (
            "The size of the picture changes within the file; all frames have that of the first one.",
            "Nothing.",
        ),
        "truncated": ("The file is truncated; the existing part was used.", "Get the whole file."),
        "clipped": (
            "Values of the sound were cut off at full scale, by 0.1 dB or more, or by 2 dB with a codec with loss.",
            "Lower the `gain` of the effect `audio`, or use a format with floating-point samples.",
        ),
        "damaged": (
            "Packets or frames are corrupt or cannot be decoded; gaps in the sound are replaced by silence.",
            "Get an undamaged copy.",
        ),
        "frames_missing": (
            "Frames cannot be decoded, because the file is damaged there; they are left out.",
            "Get an undamaged copy.",
        ),
        "gaps": (
            "Frames of a steady rate, or sound, are missing in between: not recorded, or the file is damaged.",
            "Compare it with the source.",
        ),
        "times_guessed": (
            "The file has no time stamps: the times of its frames follow its rate.",
            "Put the stream into a container, such as MP4.",
        ),
        "mirrored": (
            "Players show the mirror image of the video; its frames are given as they were recorded.",
            "Give the effect `flip`, if it is meant.",
        ),
        "interlaced": (
            "The video is interlaced: a frame has two fields of different times, and moving edges look like combs.",
            "Deinterlace it first.",
        ),
        "backend_refused": (
            "The chosen decoder cannot read the file, or has other frames; PyAV took over.",
            "Use the backend `auto`.",
        ),
        "vfr_source_rounded": (
            "The frames have different lengths, or are not on the grid of the constant rate that editors count.",
            "Use the document of scenes, `webvtt` or `ffmetadata`; or convert the video to a constant rate first.",
        ),
        "streams_left_out": (
            "The new video has one picture and the sound; other pictures, subtitles, covers and fonts are left out.",
            "Cut other pictures with `stream`; move subtitles with the transcript; add a cover with `video.mux`.",
        ),
        "sound_left_out": (
            "What is heard before the first picture or after the last one is left out; or the file has its sound far "
            "from its pictures, and copied parts are without it.",
            "Cut the sound alone with audio.trim; use the mode `exact`.",
        ),
        "timecode_left_out": (
            "The new video has no timecode: it would not be true of its frames, or cannot count them.",
            "Give the video a constant frame rate first, or keep its pace.",
        ),
        "sdr_to_hdr": (
            "Videos with and without HDR are joined, the first one has it, and the others are converted.",
            "Nothing; or begin with a video without HDR, so that all become usual colours.",
        ),
        "nothing_cut": ("The whole video is kept.", "Nothing, if it is right; or check what is named to remove."),
        "phrase_missing": (
            "A phrase to keep or remove is not in the transcript.",
            "Check the words of the transcript: they can be wrong.",
        ),
        "fade_shortened": (
            "A part is shorter than two cross-fades.",
            "Give a shorter `crossfade`, or leave out short parts.",
        ),
        "span_shortened": ("The video ends before the end of the part to keep.", "Nothing; or check the times."),
        "few_chapters": (
            "YouTube shows chapters only if there are three, of ten seconds or more.",
            "Nothing; or use other detectors, or a shorter `min_scene`.",
        ),
        "events_left_out": ("An EDL has at most 999 events.", "Use `otio` or `fcpxml`, or a longer `min_scene`."),
        "other_video": (
            "A document of scenes is of a video of another length.",
            "Nothing, if the videos are alike; or give the document that `video.analyze` has made of this one.",
        ),
        "other_tracks": (
            "A file has several audio or subtitle tracks, and its main one was taken.",
            "Give `track`; for `video.mux`, take another out first, such as with `video.extract_audio`.",
        ),
        "streams_dropped": (
            "The format does not store some streams of the video, such as pictures of subtitles, fonts or data.",
            "Choose `mkv`, or leave them out with `drop`.",
        ),
        "not_measured": (
            "The sound has so many channels, or so low a rate, that it cannot be measured; all else was done.",
            "Convert the sound first, such as with `audio.convert`.",
        ),
        "nothing_drawn": (
            "No subtitle that was to be drawn has a text within the video.",
            "Check the file and its times, or give `burned_offset`.",
        ),
        "picture_encoded": (
            "The format does not take the codec of the picture, which was encoded again, with some loss.",
            "Choose another format, or set `video_codec`.",
        ),
        "sound_encoded": (
            "The format does not take the codec of some sound, which was encoded again, with some loss.",
            "Choose another format, or set `audio_codec`: `alac` and `flac` have no loss.",
        ),
        "styles_lost": (
            "Subtitles are stored, joined or drawn without the fonts, colours and places that they had.",
            "Choose `mkv`, or `webm` for WebVTT, and join files with the same styles.",
        ),
        "lead_in_shown": (
            "An edit list hides the beginning of the video, and the format has no edit lists: it is shown.",
            "Choose `mp4` or `mov`, or let it be encoded.",
        ),
        "labels_lost": (
            "The format cannot store a language, that no subtitles are shown by default, or a mark such as `forced`.",
            "Choose `mkv`; or `mp4` in place of `mov` for a language or a mark.",
        ),
        "chapters_dropped": ("Chapters begin after the end of the video.", "Check their times."),
        "subtitles_late": (
            "Subtitles go on after the end of picture and sound: the file is as long as they are.",
            "Check their times, or use `shortest`.",
        ),
        "phase_cancelled": (
            "The channels cancel each other out: the loudest one was used instead of their mean.",
            "Nothing; or keep the channels.",
        ),
        "cut_moved": (
            "A copy is longer than requested: sound is cut between its packets, pictures at key frames.",
            "Use the mode `transcode` of video.extract_audio, or `exact` of video.cut.",
        ),
        "offset_lost": (
            "The format cannot store that the sound starts after the picture.",
            "Choose `m4a` or `mka`, or the mode `transcode`.",
        ),
    },
    "llm": {
        "prompt_cut": (
            "An older Ollama server may have read only a part of the prompt.",
            "Update Ollama, or send less.",
        ),
        "cut": ("The answer was cut off at its limit of tokens.", "Give a larger `max_tokens`."),
        "no_chapters": ("The model returned no valid chapters for a part.", "Use a larger model."),
        "chapter_dropped": ("A chapter begins at a line that does not exist, and is left out.", "Use a larger model."),
        "markup_lost": (
            "A cue was translated twice, and lost tags of the original both times; the remaining tags are left out.",
            "Correct the cue by hand, or use a larger model.",
        ),
        "glossary": (
            "A cue was translated twice, and neither translation follows `glossary` for a term.",
            "Correct the cue by hand.",
        ),
        "too_long": (
            "A cue was translated twice, and both translations need more lines than allowed.",
            "Shorten it by hand, or give a larger `line_length`.",
        ),
    },
    "core": {
        "fallback": ("The chosen model did not answer, and another one did.", "The route's decision shows why."),
        "unfinished": ("The answer's stream ended without its last message: the end may be missing.", "Ask again."),
        "cut": (
            "The answer was cut off at the largest number of tokens that fits.",
            "Give `max_tokens`, or use a model with more context.",
        ),
        "repaired": (
            "The first answer did not follow the schema. A second one, for which the model was told the error, does.",
            "Nothing.",
        ),
        "changed_folder": (
            "The run changed the working folder of its process; this was undone.",
            "Report it to the processor's author: it affects other runs of its process.",
        ),
        "changed_environment": (
            "The run changed environment variables of its process; this was undone.",
            "Report it to the author of the processor.",
        ),
        "changed_process": (
            "The run changed a setting of its process, such as the locale, the time zone or a limit; this was undone.",
            "Report it to the author of the processor.",
        ),
        "changed_signals": (
            "The run changed the handlers of signals of its process; this was undone.",
            "Report it to the author of the processor.",
        ),
        "changed_umask": (
            "The run changed the umask of its process, which decides which users may read new files; this was undone.",
            "Report it to the author of the processor.",
        ),
        "left_files": (
            "The run wrote files to the working folder of its process, where they stay.",
            "Report it to the processor's author: a run must write its files to paths from `context.new_path`.",
        ),
        "left_threads": (
            "The run left threads behind; a worker process is replaced before the next run.",
            "Report it to the processor's author.",
        ),
    },
}
"""By package: what each code means, and what to do."""
TITLES = {"audio": "Sound", "video": "Video", "llm": "Texts", "core": "Language models, and any run"}


def warnings_page() -> str:
    head = (
        "# Warnings\n\nA degraded result has warnings: `result.warnings` contains a `CodedWarning` for "
        "each reason, with a `code` for programs and a `message` for people. The command line shows the messages, and "
        "with `--json` the codes, too. With `strict` (`--strict`) a warning of the processor makes the task fail "
        "instead, with the [error](errors.md) `degraded`. The answers of `studio.chat` also have `warnings`.\n\n"
        "Other plugins use their own codes in `context.warn(code, message)`."
    )
    parts = [head]
    for package, codes in WARNINGS.items():
        rows = "\n".join(f"| {_breakable(code)} | {meaning} | {cure} |" for code, (meaning, cure) in codes.items())
        parts.append(f"## {TITLES[package]}\n\n| code | meaning | what to do |\n|---|---|---|\n{rows}")
    return "\n\n".join(parts) + "\n"


def _breakable(code: str) -> str:
    """A code that a narrow page breaks after an underscore."""
    return f"<code>{code.replace('_', '_<wbr>')}</code>"
