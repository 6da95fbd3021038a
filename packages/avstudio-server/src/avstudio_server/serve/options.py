"""The options of `avstudio serve`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from avstudio_core import Options


class ServeOptions(Options):
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8765, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    name: list[str] = Field(default=[], description="A name under which a proxy passes requests on; can be repeated.")
    origin: list[str] = Field(
        default=[], description="A page that may use the server, such as 'https://app.example.com'; can be repeated."
    )
    certificate: Path | None = Field(default=None, description="A PEM file with the TLS certificate chain.")
    private_key: Path | None = Field(default=None, description="A PEM file with the key of the TLS certificate.")
    grace: float = Field(
        default=10.0,
        ge=0,
        le=3600,
        description="How long open requests may take after a stop.",
        json_schema_extra={"unit": "s"},
    )
    access_log: bool = Field(
        default=False, description="Write a line of JSON for each request to standard error, without secrets."
    )
    rate: int = Field(
        default=6000, ge=0, le=10_000_000, description="How many requests a key may send in a minute; 0 sets no limit."
    )
    rate_storage: str = Field(
        default="memory://", description="Where requests are counted: 'memory://', or 'redis://HOST:PORT'."
    )
