"""Schemas of declarations in an OpenAPI document."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from avstudio_server.rest.openapi import lifted


class Circle(BaseModel):
    shape: Literal["circle"]


class Square(BaseModel):
    shape: Literal["square"]


class Drawing(BaseModel):
    shapes: list[Annotated[Circle | Square, Field(discriminator="shape")]]


def test_all_references_lead_to_the_common_place() -> None:
    schema, definitions = lifted(Drawing.model_json_schema(), "draw")
    assert definitions.keys() == {"draw.Circle", "draw.Square"}
    items = schema["properties"]["shapes"]["items"]
    assert items["oneOf"] == [{"$ref": f"#/components/schemas/draw.{name}"} for name in ("Circle", "Square")]
    mapping = {name.lower(): f"#/components/schemas/draw.{name}" for name in ("Circle", "Square")}
    assert items["discriminator"]["mapping"] == mapping
    assert "$defs" not in json.dumps((schema, definitions))
