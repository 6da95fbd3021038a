"""Every processor of this package has words by which requests in English and German name it."""

from __future__ import annotations

from typing import Any

import pytest

import avstudio_video
from avstudio_core import Processor


@pytest.mark.parametrize("processor", avstudio_video.register_processors())
def test_requests_in_two_languages_name_it(processor: type[Processor[Any, Any]]) -> None:
    assert set(processor.cues) == {example.language for example in processor.examples} == {"en", "de"}
    for example in processor.examples:
        words = [*processor.cues[example.language], *(word for listed in processor.nouns.values() for word in listed)]
        assert any(word in example.request.casefold() for word in words), example.request
        processor.params_type.model_validate(example.params)
