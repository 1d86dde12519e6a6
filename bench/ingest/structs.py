"""SARIF as far as results need it, typed for msgspec, the fastest safe reader; see ``parse``."""

from __future__ import annotations

from typing import Any

import msgspec


class Text(msgspec.Struct, gc=False):
    text: str = ""


class Artifact(msgspec.Struct, gc=False):
    uri: str = ""
    uriBaseId: str = ""


class Region(msgspec.Struct, gc=False):
    startLine: int = 0
    startColumn: int = 0
    endLine: int = 0
    endColumn: int = 0
    snippet: Text | None = None


class Physical(msgspec.Struct, gc=False):
    artifactLocation: Artifact | None = None
    region: Region | None = None


class Location(msgspec.Struct, gc=False):
    physicalLocation: Physical | None = None


class Result(msgspec.Struct, gc=False):
    ruleId: str = ""
    ruleIndex: int = -1
    level: str = ""
    message: Text | None = None
    locations: list[Location] = []
    partialFingerprints: dict[str, str] = {}


class Rule(msgspec.Struct, gc=False):
    id: str
    name: str = ""
    fullDescription: Text | None = None
    properties: dict[str, Any] = {}


class Driver(msgspec.Struct, gc=False):
    name: str
    version: str = ""
    rules: list[Rule] = []


class Tool(msgspec.Struct, gc=False):
    driver: Driver


class Run(msgspec.Struct, gc=False):
    tool: Tool
    results: list[Result] = []


class Log(msgspec.Struct, gc=False):
    version: str
    runs: list[Run]


def read(data: bytes) -> Log:
    """The whole log. Raises msgspec.DecodeError."""
    return msgspec.json.decode(data, type=Log)
