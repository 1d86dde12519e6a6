"""The words for scopes and what is in them. No rules."""

from enum import StrEnum


class DataClass(StrEnum):
    """The most sensitive data that a scope handles."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class Environment(StrEnum):
    UNKNOWN = ""
    PRODUCTION = "production"
    STAGING = "staging"
    DEVELOPMENT = "development"
    TEST = "test"


class LinkKind(StrEnum):
    """How an asset depends on another: a service is *built from* a repository."""

    BUILT_FROM = "built_from"
    RUNS_ON = "runs_on"
    DEPLOYED_TO = "deployed_to"
    DEPENDS_ON = "depends_on"
    PART_OF = "part_of"


class Dialect(StrEnum):
    """Whose rules a CODEOWNERS file is read by."""

    GITHUB = "github"
    GITLAB = "gitlab"
