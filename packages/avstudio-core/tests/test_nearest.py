from __future__ import annotations

import pytest

from avstudio_core.nearest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("name", "expected"), [("vocal", "Vocals"), ("VOCALS", "Vocals"), ("durms", "drums"), ("piano", None), ("", None)]
)
def test_the_most_similar_name_is_found_whatever_its_case(name: str, expected: str | None) -> None:
    assert nearest(name, ["drums", "Vocals", "bass"]) == expected


def test_the_nearest_name_is_offered_as_a_question() -> None:
    assert did_you_mean("vocal", ["vocals"]) == "Did you mean 'vocals'?"
    assert did_you_mean("piano", ["vocals"]) == ""
