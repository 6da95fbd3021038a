from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, select

from avstudio_core import Artifact, Studio, TaskOptions
from avstudio_core.errors import DataFolderError
from avstudio_core.storage.artifact_rows import row_of
from avstudio_core.storage.sqlite.database import Database
from avstudio_core.storage.sqlite.schema import REVISIONS, open_database
from avstudio_core.storage.tables import artifacts, media_files, metadata, projects, task_inputs, tasks
from avstudio_core.tasks.queue.statements import new_task


def _migrated(home: Path, revision: str = "head") -> Database:
    """A data folder that was made by the migrations, as those of earlier versions were."""
    base = Database(home / "avstudio.db")
    config = Config()
    config.set_main_option("script_location", "avstudio_core.storage:migrations")
    with base.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return base


def _is_ours(_object: Any, name: str, kind: str, *_rest: Any) -> bool:
    """Not a table that SQLite makes for the index of texts."""
    return kind != "table" or not name.startswith("texts_index")


def test_the_migrations_make_the_tables(tmp_path: Path) -> None:
    base = _migrated(tmp_path)
    with base.read() as connection:
        wanted = {"compare_type": True, "compare_server_default": True, "include_object": _is_ours}
        context = MigrationContext.configure(connection, opts=wanted)
        assert compare_metadata(context, metadata) == []
    base.close()


def test_the_migrations_make_the_same_indexes(tmp_path: Path) -> None:
    """Alembic does not compare what partial indexes are about."""
    base = _migrated(tmp_path)
    with base.read() as connection:
        query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        migrated = {_plain(sql) for (sql,) in connection.exec_driver_sql(query)}
    base.close()
    from sqlalchemy import create_engine

    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        assert {_plain(sql) for (sql,) in connection.exec_driver_sql(query)} == migrated
    engine.dispose()


def test_a_new_folder_equals_a_migrated_one(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    columns = (
        "SELECT m.name, c.name, c.type, c.'notnull', c.dflt_value, c.pk "
        "FROM sqlite_master m, pragma_table_info(m.name) c ORDER BY m.name, c.name"
    )
    found = []
    for base in (_migrated(tmp_path / "old"), open_database(tmp_path / "new")):
        with base.read() as connection:
            queries = (columns, "SELECT version_num FROM alembic_version")
            found.append([connection.exec_driver_sql(query).all() for query in queries])
        base.close()
    assert found[0] == found[1]


def test_the_revisions_that_are_named_are_the_scripts() -> None:
    from avstudio_core.storage import migrations

    scripts = ScriptDirectory(str(Path(str(migrations.__file__)).parent))
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == REVISIONS


def test_a_data_folder_is_its_owners(tmp_path: Path) -> None:
    open_database(tmp_path / "deep" / "home").close()
    assert (tmp_path / "deep" / "home").stat().st_mode & 0o077 == 0


def test_what_is_kept_in_a_folder_that_all_may_read_is_its_owners(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with Studio(home=tmp_path, plugins=""):
        kept = [tmp_path / name for name in ("avstudio.db", "avstudio.db-wal", "artifacts", "staging")]
        assert [path.stat().st_mode & 0o077 for path in kept] == [0, 0, 0, 0]


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    open_database(tmp_path).close()
    before = (tmp_path / "avstudio.db").read_bytes()
    open_database(tmp_path).close()
    assert (tmp_path / "avstudio.db").read_bytes() == before


def test_processes_that_open_a_fresh_folder_together_agree(tmp_path: Path) -> None:
    code = "import sys; sys.stdin.read(); from pathlib import Path; from avstudio_core.storage.sqlite.schema import open_database; "
    code += f"open_database(Path({str(tmp_path / 'home')!r})).close()"
    command = [sys.executable, "-c", code]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    assert [process.communicate(timeout=60)[1] for process in started] == [b""] * 3
    assert [process.returncode for process in started] == [0] * 3


def test_a_folder_with_the_first_schema_is_brought_up_and_keeps_what_it_has(tmp_path: Path) -> None:
    base = _migrated(tmp_path, REVISIONS[0])
    with base.engine.begin() as connection:
        connection.execute(insert(projects), {"name": "song", "created_at": 1.0})
    base.close()
    base = open_database(tmp_path)
    with base.read() as connection:
        assert connection.execute(select(projects.c.name)).scalars().all() == ["song"]
        assert (
            compare_metadata(MigrationContext.configure(connection, opts={"include_object": _is_ours}), metadata) == []
        )
    base.close()


def test_the_sources_of_older_tasks_count_as_their_inputs(tmp_path: Path) -> None:
    artifact = Artifact(id="art_1", name="a", sha256="0" * 64, size=1, media_type="text/plain", path=tmp_path)
    task = _task() | {"source": json.dumps({"artifact": "art_1"})}
    base = _migrated(tmp_path, "0006")
    with base.engine.begin() as connection:
        row = {name: value for name, value in row_of(artifact, "local", 1.0).items() if name != "trust"}
        connection.execute(insert(artifacts), row)
        connection.execute(insert(tasks), task)
    base.close()
    base = open_database(tmp_path)
    with base.read() as connection:
        assert connection.execute(select(task_inputs)).all() == [("task_1", "art_1")]
    base.close()


def test_results_of_earlier_versions_are_found_again(tmp_path: Path) -> None:
    base = _migrated(tmp_path, "0016")
    with base.engine.begin() as connection:
        connection.execute(insert(tasks), _task() | {"cache_key": "0123456789abcdef" * 4})
    base.close()
    base = open_database(tmp_path)
    with base.read() as connection:
        assert connection.execute(select(tasks.c.cache_key)).scalars().all() == ["0123456789abcdef" * 2]
    base.close()


def test_a_folder_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_database(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "avstudio.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = (tmp_path / "avstudio.db").read_bytes()
    with pytest.raises(DataFolderError, match=r"made by a newer AV-Studio \(schema 9999.*Upgrade AV-Studio"):
        open_database(tmp_path)
    assert (tmp_path / "avstudio.db").read_bytes() == before


@pytest.mark.parametrize("place", ["/proc/avstudio", "file/home"])
def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError, match=r"cannot be written: .* Choose a data folder that you may write"):
        open_database(tmp_path / place)


def test_a_folder_that_is_read_only_is_reported(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    if os.geteuid() == 0:
        if subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "ro", "none", home], capture_output=True, check=False
        ).returncode:
            pytest.skip("root may write anywhere, and may not mount a read-only folder here")
    else:
        home.chmod(0o500)
    try:
        with pytest.raises(DataFolderError, match=r"Choose a data folder that you may write"):
            open_database(home)
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", home], check=True)


def test_a_database_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    from avstudio_core.storage.sqlite.database import Database

    (tmp_path / "avstudio.db").mkdir()
    with pytest.raises(DataFolderError, match=r"unable to open.*the setting 'home'"):
        Database(tmp_path / "avstudio.db")


def _task() -> dict[str, Any]:
    given = dict.fromkeys(("plan_id", "step", "owner", "origin", "processor", "params"), "")
    return new_task("task_1", 1.0, TaskOptions()) | given | {"waiting": 0, "leads": False}


def _plain(sql: str) -> str:
    return "".join(sql.replace('"', "").replace("'", "").split())


def test_what_earlier_versions_have_heard_and_written_is_found(tmp_path: Path) -> None:
    heard, base = tmp_path / "artifacts" / "ab" / f"ab{'0' * 62}", _migrated(tmp_path, "0023")
    heard.parent.mkdir(parents=True)
    heard.write_text(json.dumps({"segments": [{"start": 1.5, "end": 2, "text": " Grüß dich"}]}), encoding="utf-8")
    song = Artifact(id="art_1", name="song.wav", sha256="0" * 64, size=1, media_type="audio/wav")
    transcript = {"id": "art_2", "sha256": heard.name, "media_type": "application/vnd.avstudio.transcript+json"}
    lineage = {"processor": "audio.transcribe", "version": "1", "parents": ["art_1"]}
    with base.engine.begin() as connection:
        connection.execute(insert(projects), {"name": "default", "created_at": 1.0})
        done = {"state": "COMPLETED", "finished_at": 3.0}
        connection.execute(insert(tasks), _task() | done | {"result": json.dumps({"text": "Grüß dich"})})
        other = {"id": "task_2", "result": json.dumps({"text": "Ein Gruß"})}
        connection.execute(insert(tasks), _task() | done | other)
        connection.execute(insert(artifacts), row_of(song, "local", 1.0))
        made = Artifact.model_validate(song.model_dump() | transcript | {"lineage": lineage})
        connection.execute(insert(artifacts), row_of(made, "local", 2.0, "task_1"))
        given = {"project": "default", "artifact_id": "art_1", "path": "song.wav", "created_at": 1.0}
        connection.execute(insert(media_files), given)
    base.close()
    with Studio(home=tmp_path, executor="inline", plugins="") as studio:
        (hit,) = studio.library.search("gruss dich").items
        assert (hit.kind, hit.start, hit.name, hit.task) == ("speech", 1.5, "song.wav", "task_1")
        assert [hit.task for hit in studio.library.search("ein gruß").items] == ["task_2"]
        assert [hit.source for hit in studio.library.search("song").items] == ["art_1"]
