"""Caches: one contract for those in the process and on the disk."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from avstudio_core.cache.cache import Cache
from avstudio_core.cache.disk import DiskCache
from avstudio_core.cache.memory import MemoryCache
from avstudio_core.errors import InvalidInput, StorageError
from avstudio_core.testing import until

HOSTILE = ["../../etc/passwd", "a/b", "ключ", "'; DROP TABLE Cache;--", "\n", "x" * 1000, "avs_" + "é" * 50]


class CacheContract:
    """What every cache does."""

    @pytest.fixture
    def cache(self, tmp_path: Path) -> Any:
        raise NotImplementedError

    @pytest.mark.parametrize(
        "value", [0, 1.5, True, "", "text é \U0001f3b5", [1, [2]], {"a": {"b": None}}, "y" * 200_000]
    )
    def test_a_value_comes_back_equal(self, cache: Cache, value: Any) -> None:
        cache.set("key", value)
        found = cache.get("key")
        assert (found, type(found)) == (value, type(value))

    def test_what_is_not_stored_is_none(self, cache: Cache) -> None:
        assert cache.get("key") is None
        assert not cache.delete("key")

    def test_all_values_whose_keys_begin_alike_are_removed(self, cache: Cache) -> None:
        for key in ("ann/1", "ann/2", "ann", "ben/ann/1"):
            cache.set(key, 1)
        assert cache.count("ann/") == 2
        assert cache.clear("ann/") == 2
        assert [cache.get(key) for key in ("ann/1", "ann/2", "ann", "ben/ann/1")] == [None, None, 1, 1]

    def test_a_change_of_a_value_that_was_read_changes_nothing(self, cache: Cache) -> None:
        given: Any = {"list": [1]}
        cache.set("key", given)
        given["list"].append(2)
        found = cache.get("key")
        assert isinstance(found, dict)
        found["list"] = 3
        assert cache.get("key") == {"list": [1]}

    def test_a_value_expires(self, cache: Cache) -> None:
        cache.set("short", 1, seconds=0.2)
        cache.set("long", 1, seconds=60)
        cache.add("added", 1, seconds=0.2)
        cache.increment("counted", seconds=0.2)
        time.sleep(0.25)
        assert [cache.get(key) for key in ("short", "long", "added", "counted")] == [None, 1, None, None]
        assert cache.add("added", 2)
        assert cache.increment("counted") == 1

    def test_an_increment_keeps_the_expiry_of_the_first(self, cache: Cache) -> None:
        assert cache.increment("calls", seconds=1.0) == 1
        assert cache.increment("calls", 2, seconds=3600) == 3
        until(lambda: cache.get("calls") is None)

    def test_set_replaces_and_add_does_not(self, cache: Cache) -> None:
        cache.set("key", 1)
        cache.set("key", 2)
        assert not cache.add("key", 3)
        assert cache.get("key") == 2
        assert cache.delete("key")
        assert cache.add("key", 3)

    def test_one_of_several_threads_adds(self, cache: Cache) -> None:
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(lambda number: cache.add("lock", number), range(32))) == 1

    def test_no_increment_of_a_thread_is_lost(self, cache: Cache) -> None:
        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(lambda _: cache.increment("sum"), range(64))) == list(range(1, 65))

    @pytest.mark.parametrize("key", HOSTILE)
    def test_hostile_keys_are_keys(self, cache: Cache, key: str, tmp_path: Path) -> None:
        cache.set(key, key)
        cache.set("other", 1)
        assert cache.get(key) == key
        assert {one.name for one in tmp_path.iterdir()} <= {"cache", "cache.lock"}

    @pytest.mark.parametrize("key", ["", "\0", "\ud800", "x" * 1001, 5, None])
    def test_other_keys_are_refused(self, cache: Cache, key: Any) -> None:
        for use in (
            cache.get,
            cache.delete,
            cache.increment,
            lambda key: cache.set(key, 1),
            lambda key: cache.add(key, 1),
        ):
            with pytest.raises(InvalidInput, match="key of a cache"):
                use(key)

    @pytest.mark.parametrize("value", [None, (1, 2), {1: 2}, {"a": object()}, float("nan"), b"bytes", {1, 2}])
    def test_values_that_are_not_json_are_refused(self, cache: Cache, value: Any) -> None:
        for use in (cache.set, cache.add):
            with pytest.raises(InvalidInput, match="cannot be stored"):
                use("key", value)
        assert cache.get("key") is None

    @pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), "5"])
    def test_impossible_times_are_refused(self, cache: Cache, seconds: Any) -> None:
        with pytest.raises(InvalidInput, match="time in a cache"):
            cache.set("key", 1, seconds=seconds)

    @pytest.mark.parametrize("value", ["text", True, [1], 1.5])
    def test_only_whole_numbers_are_incremented(self, cache: Cache, value: Any) -> None:
        cache.set("key", value)
        with pytest.raises(InvalidInput, match="not a whole number"):
            cache.increment("key")
        assert cache.get("key") == value


class TestMemoryCache(CacheContract):
    @pytest.fixture
    def cache(self, tmp_path: Path) -> Cache:
        return MemoryCache()

    def test_it_holds_so_many_values(self) -> None:
        cache = MemoryCache(most=3)
        for number in range(5):
            cache.set(str(number), number)
        assert [cache.get(str(number)) for number in range(5)] == [None, None, 2, 3, 4]

    def test_it_holds_so_much_text(self) -> None:
        cache = MemoryCache(size=100)
        cache.set("a", "x" * 60)
        cache.set("b", "x" * 60)
        cache.set("c", "x" * 200)
        assert [cache.get(key) for key in "abc"] == [None, None, None]


COUNT = """
import json, sys
from pathlib import Path
from avstudio_core.cache.disk import DiskCache
cache = DiskCache(Path(sys.argv[1]))
print(json.dumps([[cache.increment("sum"), cache.add(f"lock-{number}", True)] for number in range(20)]))
"""


class TestDiskCache(CacheContract):
    @pytest.fixture
    def cache(self, tmp_path: Path) -> Iterator[Cache]:
        pytest.importorskip("diskcache")
        cache = DiskCache(tmp_path / "cache")
        yield cache
        cache.close()

    def test_processes_share_it(self, cache: Cache, tmp_path: Path) -> None:
        command = [sys.executable, "-c", COUNT, str(tmp_path / "cache")]
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        found = [pair for one in processes for pair in json.loads(one.communicate(timeout=60)[0])]
        assert sorted(number for number, _ in found) == list(range(1, 61))
        assert sum(added for _, added in found) == 20
        assert cache.get("sum") == 60

    def test_only_its_owner_can_read_it(self, cache: Cache, tmp_path: Path) -> None:
        cache.set("key", "secret")
        assert (tmp_path / "cache").stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("damage", [b"", b"not a database" * 500])
    def test_a_damaged_folder_is_emptied(self, cache: Cache, tmp_path: Path, damage: bytes) -> None:
        cache.set("key", 1)
        cache.close()
        for file in (tmp_path / "cache").iterdir():
            file.write_bytes(damage)
        again = DiskCache(tmp_path / "cache")
        assert again.get("key") is None
        again.set("key", 2)
        assert DiskCache(tmp_path / "cache").get("key") == 2

    def test_a_table_that_disappears_is_made_again(self, cache: Cache, tmp_path: Path) -> None:
        cache.set("key", 1)
        with sqlite3.connect(tmp_path / "cache" / "cache.db") as connection:
            connection.execute("DROP TABLE Cache")
        connection.close()
        cache.set("key", 2)
        assert cache.get("key") == 2

    def test_a_folder_that_cannot_be_made_is_an_error(self, tmp_path: Path) -> None:
        pytest.importorskip("diskcache")
        (tmp_path / "cache").write_text("a file")
        with pytest.raises(StorageError, match="cache"):
            DiskCache(tmp_path / "cache").get("key")

    def test_a_pickled_value_is_not_read(self, cache: Cache, tmp_path: Path) -> None:
        import diskcache

        class Bomb:
            def __reduce__(self) -> Any:
                return (tmp_path / "exploded").touch, ()

        cache.set("key", 1)
        with diskcache.Cache(str(tmp_path / "cache")) as hostile:
            hostile["key"] = Bomb()
        assert cache.get("key") is None
        assert not (tmp_path / "exploded").exists()

    def test_values_are_json(self, cache: Cache, tmp_path: Path) -> None:
        cache.set("key", {"a": [1]})
        with sqlite3.connect(tmp_path / "cache" / "cache.db") as connection:
            ((text,),) = connection.execute("SELECT value FROM Cache").fetchall()
        connection.close()
        assert json.loads(text) == {"a": [1]}


def test_what_is_cleared_leaves_no_bytes(tmp_path: Path) -> None:
    pytest.importorskip("diskcache")
    cache = DiskCache(tmp_path)
    cache.set("ann/1", "the answer is forty-two")
    cache.clear("ann/")
    cache.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and b"forty-two" in path.read_bytes()] == []


def test_a_cache_is_not_imported_at_start() -> None:
    script = "import sys, avstudio_core, avstudio_core.studio; print('diskcache' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_threads_open_a_disk_cache_once(tmp_path: Path) -> None:
    pytest.importorskip("diskcache")
    cache, gate, found = DiskCache(tmp_path / "cache"), threading.Barrier(4), list[int]()

    def use() -> None:
        gate.wait()
        found.append(cache.increment("sum"))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(found) == [1, 2, 3, 4]
