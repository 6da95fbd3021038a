"""The page of warnings: every code that a result can bear, what it means, and what to do."""

from __future__ import annotations

WARNINGS = {
    "audio": {
        "truncated": ("The file is cut short; what there is of it was used.", "Get the whole file."),
        "damaged": ("Parts of the file cannot be decoded, and are silent instead.", "Get an undamaged copy."),
        "rescaled": (
            "The file holds floats in the range of integers, which were scaled to −1 to 1.",
            "Nothing; or have the program that wrote it write −1 to 1.",
        ),
        "other_tracks": (
            "The file has several audio tracks, and one was chosen: the main one, or another where that is silent.",
            "Give `track`: a number or a language.",
        ),
        "phase_cancelled": (
            "The channels cancel each other out: the loudest was used in place of their mean.",
            "Nothing; or swap the polarity of one channel in the source.",
        ),
        "downmixed": ("The source has more than two channels, its stems have two.", "Nothing."),
        "resampled": (
            "The output has another sample rate than the source, and loses what lies above half of it.",
            "Choose a format, or a model, that supports the rate of the source.",
        ),
        "clipped": (
            "Values were cut off at full scale, by 0.1 dB or more, because the format holds no more.",
            "Lower `gain`, or use the format `wav-float`.",
        ),
        "parameter_ignored": (
            "The model does not use a parameter that was given.",
            "Leave it out, or take another model.",
        ),
        "no_speech": (
            "No words are heard in the recording.",
            "Nothing, if nobody speaks; or switch `vad` off and give `language`.",
        ),
        "language_uncertain": ("The language was not given, and is a guess.", "Give `language`."),
        "empty_transcript": (
            "There are no words, but a voice or a loud sound: the model may have missed them.",
            "Give `language`, or take a larger model.",
        ),
        "hallucinated_over_silence": (
            "The model wrote words where there is hardly a sound. Over digital silence they are left out.",
            "Check them; leave the silence out, or give `vad`.",
        ),
        "hallucinated_repeat": (
            "The model repeated itself faster than anybody speaks; the repeat is left out.",
            "Check the place.",
        ),
        "repetition_loop": (
            "The same phrase comes again and again, in the second run, too: the model may be in a loop.",
            "Check the place; take a larger model, or separate the vocals first.",
        ),
        "impossible_speed": ("Words follow each other faster than anybody speaks.", "Check their text and times."),
    },
    "llm": {
        "cut": ("The answer came to the most tokens that it may have, and ends there.", "Give a larger `max_tokens`."),
        "no_chapters": ("The model gave no valid chapters for a part.", "Take a larger model."),
        "chapter_dropped": ("A chapter begins at a line that does not exist, and is left out.", "Take a larger model."),
        "markup_lost": (
            "A translated cue lost tags of the original, twice; its own tags are left out.",
            "Correct the cue by hand, or take a larger model.",
        ),
        "glossary": (
            "A translated cue does not translate a term as `glossary` says, twice.",
            "Correct the cue by hand.",
        ),
        "too_long": (
            "A translated cue needs more lines than allowed, twice.",
            "Shorten it by hand, or give a larger `line_length`.",
        ),
    },
    "core": {
        "fallback": ("The chosen model did not answer, and another one did.", "See why: the route's decision tells."),
        "unfinished": ("The answer's stream ended without its last message: the end may be missing.", "Ask again."),
        "cut": (
            "The answer was cut off at the most tokens that fit.",
            "Give `max_tokens`, or take a model with more context.",
        ),
        "repaired": (
            "The first answer did not fit the schema; a second one, asked for with the error, does.",
            "Nothing.",
        ),
        "changed_folder": (
            "The run changed the working folder of its worker, which was set back.",
            "Tell the processor's author: it disturbs other runs of its process.",
        ),
        "changed_environment": (
            "The run changed environment variables of its worker, which were set back.",
            "Tell the processor's author.",
        ),
        "left_threads": (
            "The run left threads behind; its worker is replaced before the next one.",
            "Tell the processor's author.",
        ),
    },
}
"""By package: what each code means, and what to do."""
TITLES = {"audio": "Sound", "llm": "Texts", "core": "Language models, and any run"}


def warnings_page() -> str:
    head = (
        "# Warnings\n\nA result that is less than it might be says so: `result.warnings` holds a `CodedWarning` for "
        "each reason, with a `code` for programs and a `message` for people. The command line shows the messages, and "
        "with `--json` the codes, too. With `strict` (`--strict`) a warning of the processor makes the task fail "
        "instead, with the [error](errors.md) `degraded`. The answers of `studio.chat` have `warnings`, too.\n\n"
        "Other plugins give codes of their own to `context.warn(code, message)`."
    )
    parts = [head]
    for package, codes in WARNINGS.items():
        rows = "\n".join(f"| {_breakable(code)} | {meaning} | {cure} |" for code, (meaning, cure) in codes.items())
        parts.append(f"## {TITLES[package]}\n\n| code | meaning | what to do |\n|---|---|---|\n{rows}")
    return "\n\n".join(parts) + "\n"


def _breakable(code: str) -> str:
    """A code that a narrow page breaks after an underscore."""
    return f"<code>{code.replace('_', '_<wbr>')}</code>"
