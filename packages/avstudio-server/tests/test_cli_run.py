"""Runs of processors and plans: results, files, JSON, errors and their exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from avstudio_core.names import stem
from avstudio_server.testing.command_line import COMMAND, CommandLine


def test_options_reach_the_processor(avstudio: CommandLine, note: Path) -> None:
    given = ["--times", "2", "--tags", "draft,final", "--tags", "old", "--no-exclaim", "--frame", '{"sign": "-"}']
    done = avstudio("text", "shout", note, *given)
    assert done.code == 0
    assert done.out.splitlines()[-1] == "-HELLO -HELLO draft final old"
    assert "letters: 29 letters" in done.out


def test_without_an_output_folder_the_file_stays_in_the_store(inline: CommandLine, note: Path) -> None:
    done = inline("text", "shout", note)
    artifact, name, path = done.out.splitlines()[0].removeprefix("shout: ").split("  ")
    assert name == "said.txt"
    assert Path(path).is_relative_to(inline.home)
    assert Path(path).read_text() == "*HELLO!"
    assert "**HELLO!!" in inline("text", "shout", artifact).out


def test_a_result_is_written_into_a_new_folder(inline: CommandLine, note: Path) -> None:
    done = inline("text", "shout", note, "-o", "new/out")
    assert (inline.folder / "new/out/said.txt").read_text() == "*HELLO!"
    assert "shout: new/out/said.txt" in done.out


def test_the_same_again_is_cached_and_leaves_equal_files_alone(avstudio: CommandLine, note: Path) -> None:
    avstudio("text", "shout", note, "-o", "out")
    again = avstudio("text", "shout", note, "-o", "out")
    assert again.code == 0
    assert "text.shout: cached" in again.err


def test_without_the_cache_the_same_work_runs_again(inline: CommandLine, note: Path) -> None:
    for command in (("text", "shout"), ("pipe", "text.shout")):
        inline(*command, note)
        again = inline(*command, note, "--no-cache", "-o", "out")
        assert "text.shout: done in" in again.err
        assert "cached" not in again.err
    assert "text.shout: cached" in inline("text", "shout", note).err


def test_another_file_in_the_way_is_kept_unless_told_otherwise(inline: CommandLine, note: Path) -> None:
    taken = inline.folder / "out" / "said.txt"
    taken.parent.mkdir()
    taken.write_text("mine")
    refused = inline("text", "shout", note, "-o", "out")
    assert refused.code == 4
    assert "'out/said.txt' already exists" in refused.err
    assert taken.read_text() == "mine"
    assert inline("text", "shout", note, "-o", "out", "--overwrite").code == 0
    assert taken.read_text() == "*HELLO!"


def test_the_file_of_a_result_gets_the_name_that_is_given(inline: CommandLine, note: Path) -> None:
    done = inline("text", "shout", note, "-o", "new/loud.txt")
    assert (done.code, [*inline.folder.joinpath("new").iterdir()]) == (0, [inline.folder / "new" / "loud.txt"])
    assert "new/loud.txt" in done.out
    refused = inline("text", "shout", note, "--times", "2", "-o", "new/loud.txt")
    assert (refused.code, "'new/loud.txt' already exists. Add --overwrite" in refused.err) == (4, True), refused.err
    assert "started" not in refused.err
    again = inline("text", "shout", note, "--times", "2", "-o", "new/loud.txt", "--overwrite")
    assert (again.code, (inline.folder / "new" / "loud.txt").read_text().count("!")) == (0, 2)
    other = inline("text", "shout", note, "-o", "loud.mp3")
    assert (other.code, "'loud.mp3' cannot be the name for what was made: said.txt" in other.err) == (2, True), (
        other.err
    )
    two = inline("text", "shout", note, note.with_name("said.txt"), "-o", "loud.txt")
    assert (two.code, "there are 2 sources" in two.err) == (2, True), two.err
    (inline.folder / "v1.2").mkdir()
    assert inline("text", "shout", note, "-o", "v1.3").code == 0
    assert (inline.folder / "v1.3").is_dir()


def test_the_last_file_of_a_pipe_gets_the_name_that_is_given(inline: CommandLine, note: Path) -> None:
    done = inline("pipe", "text.shout times=2 | text.shout style=plain", note, "-o", "out/end.txt")
    assert (done.code, [*(inline.folder / "out").iterdir()]) == (0, [inline.folder / "out" / "end.txt"]), done.err
    twins = inline("text", "twins", note, "-o", "twin.txt")
    assert (twins.code, "cannot be the name for what was made: " in twins.err) == (2, True), twins.err


def test_a_name_that_the_system_does_not_take_is_refused(inline: CommandLine, note: Path) -> None:
    for name in ("a" * 300 + ".txt", "a" * 300, "a" * 300 + "/said.txt"):
        refused = inline("text", "shout", note, "-o", name)
        assert (refused.code, "too long" in refused.err, "started" in refused.err) == (4, True, False), refused.err


def test_a_tilde_that_the_shell_left_is_the_users_home(inline: CommandLine, note: Path) -> None:
    home = inline.folder / "home"
    home.mkdir()
    done = inline("text", "shout", note, "--output=~/out", HOME=str(home))
    assert (done.code, len([*home.glob("out/*")])) == (0, 1)
    assert inline("text", "shout", note, "--output=~out", HOME=str(home)).code == 0
    assert (inline.folder / "~out").is_dir()
    (inline.folder / "~").mkdir()
    note.rename(inline.folder / "~" / "note.txt")
    assert inline("text", "shout", "./~/note.txt", HOME=str(home)).code == 0


def test_files_of_one_name_get_their_output_before_it(inline: CommandLine, note: Path) -> None:
    assert inline("text", "twins", note, "-o", "out").code == 0
    names = sorted(path.name for path in (inline.folder / "out").iterdir())
    assert names == ["twins-left-twin.txt", "twins-right-twin.txt"]


def test_json_is_all_that_is_printed(inline: CommandLine, note: Path) -> None:
    done = inline("text", "shout", note, "-o", "out", "--json").json
    assert done["processor"] == "text.shout"
    assert done["files"] == {"shout": str(inline.folder / "out/said.txt")}
    assert done["result"]["text"] == "*HELLO!"
    assert done["result"]["cache_hit"] is False


def test_quiet_says_nothing_but_the_result(inline: CommandLine, note: Path) -> None:
    assert inline("text", "shout", note, "--quiet").err == ""


def test_plain_progress_has_no_control_characters(avstudio: CommandLine) -> None:
    done = avstudio("time", "wait", "--seconds", "0.3")
    assert done.err.splitlines()[0] == "time.wait: started"
    assert re.search(r"time\.wait: done in \d+\.\d s", done.err)
    assert done.err.replace("\n", "").isprintable()
    assert done.out == "waited: 0.3\n"


def test_warnings_are_shown_and_strict_makes_them_errors(avstudio: CommandLine, note: Path) -> None:
    loud = ["text", "shout", str(note), "--shout-output", "warn"]
    assert "Warning (text.shout, quiet): It could be louder." in avstudio(*loud, "--quiet").err
    assert avstudio(*loud, "--strict").code == 6


def test_an_artifact_is_a_source_by_its_id(inline: CommandLine, note: Path) -> None:
    first = inline("text", "shout", note, "--json").json
    second = inline("text", "shout", first["result"]["shout"]["id"], "--quiet")
    assert second.out.splitlines()[-1] == "**HELLO!!"


def test_a_pipe_runs_its_steps_and_writes_all_their_files(avstudio: CommandLine, note: Path) -> None:
    done = avstudio("pipe", "text.shout times=2 | text.shout style=plain | text.twins", note, "-o", "out", "--json")
    steps = done.json["steps"]
    assert steps["shout2"]["result"]["text"] == "**HELLO! *HELLO!!"
    assert len(list((avstudio.folder / "out").iterdir())) == 4


def test_a_plan_comes_from_a_file_or_from_stdin(inline: CommandLine, note: Path) -> None:
    plan = json.dumps({"steps": [{"id": "one", "processor": "text.shout", "params": {"times": 2}}]})
    (inline.folder / "plan.json").write_text(plan)
    assert "*HELLO! *HELLO!" in inline("pipe", "plan.json", note).out
    again = inline("pipe", "-", note, stdin=plan)
    assert "*HELLO! *HELLO!" in again.out
    assert "cached" in again.err


def test_a_plan_that_cannot_run_is_marked(reading: CommandLine, note: Path) -> None:
    refused = reading("pipe", "text.shout | text.shot", note)
    assert refused.code == 2
    assert "^^^^^^^^^" in refused.err
    assert reading("pipe", "nowhere.json", note).code == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--times", "9"], "'times' is '9': should be at most 5 (How often.)"),
        (["--times", "x"], "'--times' cannot be 'x'. Give a whole number."),
        (["--pause", "x"], "'--pause' cannot be 'x'. Give a number."),
        (["--style", "lod"], "'--style' cannot be 'lod'. Did you mean 'loud'?"),
        (["--style", "silent"], "'--style' cannot be 'silent'. Choose from: plain, loud, louder."),
        (["--tags", "draft,finl"], "'--tags' cannot be 'finl'. Did you mean 'final'?"),
        (["--tags", '["draft"'], """'--tags' cannot be '["draft"'."""),
        (["--tags", "[" * 5_000], "'--tags' cannot be '[[[["),
        (["--frame", "[1]"], "'--frame' cannot be '[1]'. Give a JSON object."),
        (["--frame", '{"width": 7}'], "'frame.width' is '7'"),
        (["--priority", "1000"], "'--priority' cannot be '1000': it should be at most 100."),
        (["--priority", "x"], "'--priority' cannot be 'x': it should be a whole number."),
    ],
)
def test_wrong_values_are_refused_in_the_words_of_their_declaration(
    reading: CommandLine, note: Path, options: list[str], said: str
) -> None:
    refused = reading("text", "shout", note, *options)
    assert refused.code == 2
    assert said in refused.err


def test_what_is_missing_is_named(reading: CommandLine) -> None:
    assert "Missing argument 'SOURCE'" in reading("text", "shout").err
    assert "Missing option '--way'" in reading("time", "break").err
    assert "'none.txt' does not exist" in reading("text", "shout", "none.txt").err


@pytest.mark.parametrize(
    ("way", "code", "said"),
    [
        ("raise", 1, "it broke"),
        ("crash", 1, "exited with status 7"),
        ("unreadable", 2, "'song' is not sound."),
        ("missing", 3, "pip install 'sketch[colour]'"),
        ("absent", 3, "'pencil' are not installed"),
    ],
)
def test_a_failed_task_exits_with_the_code_of_its_cause(reading: CommandLine, way: str, code: int, said: str) -> None:
    failed = reading("time", "break", "--way", way)
    assert failed.code == code
    assert failed.err.splitlines()[-1].startswith("avstudio: ")
    assert said in failed.err.splitlines()[-1]
    assert "Traceback" not in failed.err


def test_json_errors_are_on_stdout_too(reading: CommandLine) -> None:
    failed = reading("time", "break", "--way", "missing", "--json")
    error = failed.json["error"]
    assert (error["code"], error["exit"], failed.code) == ("missing_dependency", 3, 3)
    assert reading("text", "shout", "--json").json["error"]["code"] == "usage"


def test_debug_shows_where_the_worker_failed(reading: CommandLine) -> None:
    for failed in (
        reading("time", "break", "--way", "raise", "--debug"),
        reading("--debug", "time", "break", "--way", "raise"),
    ):
        assert "Traceback" in failed.err
        assert 'raise RuntimeError("it broke")' in failed.err


def test_failed_runs_are_tried_again_when_asked(reading: CommandLine) -> None:
    failed = reading("time", "break", "--way", "raise", "--retries", "1")
    assert failed.err.count("time.break: started") == 2
    assert "retrying in 0.5 s" in failed.err


def test_an_output_that_is_not_a_folder_is_refused_before_anything_runs(reading: CommandLine, note: Path) -> None:
    note.with_name("plain").write_text("a file")
    refused = reading("text", "shout", note, "-o", note.with_name("plain"))
    assert refused.code == 4
    assert "is not a folder" in refused.err
    assert "started" not in refused.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_folder_that_cannot_be_written_is_refused(avstudio: CommandLine, note: Path) -> None:
    locked = avstudio.folder / "locked"
    locked.mkdir(mode=0o500)
    refused = avstudio("text", "shout", note, "-o", locked / "out")
    assert refused.code == 4
    assert "cannot be written" in refused.err


def test_the_time_left_is_reckoned_anew_after_a_review(avstudio: CommandLine) -> None:
    said = avstudio("time", "wait", "--seconds", "2.2", "--doubt").err
    assert "time.wait: sent back by its review: was it long?" in said
    assert "time.wait: started again" in said
    assert "100 %" not in said  # it is not at its end before its review
    estimates = re.findall(r"([\d.]+) s left", said)
    assert all(float(one) < 2.2 for one in estimates)


@pytest.fixture
def verses(avstudio: CommandLine) -> list[str]:
    """Two files that can be read, and between them one that cannot."""
    for name in ("one", "two"):
        (avstudio.folder / f"{name}.txt").write_text(name)
    return ["one.txt", "none.txt", "two.txt"]


def test_several_sources_are_worked_on_each_alone(avstudio: CommandLine, verses: list[str]) -> None:
    done = avstudio("text", "shout", *verses, "-o", "out")
    assert done.code == 2
    assert (avstudio.folder / "out" / "one-said.txt").read_text() == "*ONE!"
    assert "two.txt:\n  shout: out/two-said.txt" in done.out
    assert "none.txt: 'none.txt' does not exist." in done.err
    assert "text.shout two.txt: done" in done.err
    assert done.err.splitlines()[-1] == "avstudio: 1 of 3 sources have no result."


def test_several_sources_are_one_json_document(inline: CommandLine, verses: list[str]) -> None:
    results = inline("pipe", "text.shout | text.shout", *verses, "--json").json["results"]
    assert [one["source"] for one in results] == verses
    assert results[0]["steps"]["shout2"]["result"]["text"] == "**ONE!!"
    assert results[1]["error"]["exit"] == 2


def test_what_no_source_can_have_is_refused_once(inline: CommandLine, verses: list[str]) -> None:
    refused = inline("pipe", "text.shot", *verses[::2])
    assert refused.code == 2
    assert refused.err.count("Did you mean") == 1
    (inline.folder / "more").mkdir()
    refused = inline("text", "shout", "one.txt", "more/one.txt", "-o", "out")
    assert "'one.txt' and 'more/one.txt' have the same name" in refused.err


def test_why_a_task_failed_is_reported_once(inline: CommandLine) -> None:
    assert inline("time", "break", "--way", "raise").err.count("it broke") == 1


def test_an_empty_text_is_reported(inline: CommandLine) -> None:
    (inline.folder / "blank.txt").write_text("\n")
    done = inline("text", "shout", "blank.txt", "--times", "1", "--no-exclaim", "--frame", '{"sign": ""}')
    assert "text.shout: the text is empty." in done.err


def test_names_beyond_ascii_and_very_long_ones_come_through(avstudio: CommandLine) -> None:
    path = avstudio.folder / ("歌" * 70 + ".txt")
    path.write_text("hello")
    assert avstudio("text", "shout", path, "-o", "out").code == 0


@pytest.mark.parametrize(("name", "whole"), [("Mr. Smith", "Mr. Smith"), ("Vol. 2", "Vol. 2"), ("a.b c.MP3", "a.b c")])
def test_what_comes_after_a_dot_stays_in_a_name(name: str, whole: str) -> None:
    assert stem(name) == whole


def test_files_of_a_pipe_are_named_after_its_source(inline: CommandLine, note: Path) -> None:
    assert inline("pipe", "text.echo:echo | text.echo", note, "-o", "out").code == 0
    assert {path.name for path in (inline.folder / "out").iterdir()} == {"note.once.txt", "note.txt"}


def test_an_empty_file_is_reported(inline: CommandLine) -> None:
    (inline.folder / "blank.txt").write_text("\n")
    assert "text.echo: the file 'blank.once.txt' is empty." in inline("text", "echo", "blank.txt").err


def test_names_that_are_not_utf8_come_through(avstudio: CommandLine) -> None:
    name = os.fsdecode(b"n\xff.txt")
    (avstudio.folder / name).write_text("hello")
    assert avstudio("text", "shout", name, "-o", "out").code == 0


def test_a_reader_that_stops_reading_causes_no_error(reading: CommandLine) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "processors", "--json"], env=reading.environment, stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert done.stderr == b""


def test_a_broken_settings_file_is_named(avstudio: CommandLine) -> None:
    avstudio.home.mkdir()
    (avstudio.home / "settings.toml").write_text("workers = 'many'")
    refused = avstudio("text", "shout", "--help")
    assert refused.code == 2
    assert "workers" in refused.err
    assert "Traceback" not in refused.err
