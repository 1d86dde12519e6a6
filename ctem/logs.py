"""How a line of the log looks: JSON where machines read it, words where people do. No Django here:
gunicorn's master logs by it before any settings are read.

Every line carries what core.log_context knows: request_id, job_id, user_id, scope_id. Addresses are
logged without their query, headers and bodies never.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from environs import validate

from core.log_context import current
from ctem.environment import env

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMATS = ("text", "json")
OURS = ("core", "ctem", "findings", "forges", "gate", "remediations", "scans", "scopes")
# They tell of each message of each sweep; what a job did is logged by ctem.jobs itself.
TALKATIVE = ("celery.app.trace", "celery.worker.strategy", "celery.beat")
# At DEBUG they would write whole requests, with the token of a session.
CONFIDING = ("boto3", "botocore", "s3transfer", "urllib3")


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, what it is about, the error if any."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            **current(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)  # ASCII, a newline of the message as \n: one line


class TextLines(logging.Formatter):
    """Time, level, logger, message, and in brackets what it is about."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:
        # What others say, a path for one, must not look like a line of ours.
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        known = " ".join(f"{name}={value}" for name, value in current().items())
        return super().formatMessage(record) + (f" [{known}]" if known else "")


def configuration() -> dict[str, Any]:
    """Return what logging.config.dictConfig takes; raises EnvError for a variable that is wrong."""
    usual = "json" if env.bool("CTEM_PRODUCTION", False) else "text"
    form = env.str("CTEM_LOG_FORMAT", usual, validate=validate.OneOf(FORMATS))
    level = env.str("CTEM_LOG_LEVEL", "INFO", validate=validate.OneOf(LEVELS))
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"text": {"()": TextLines}, "json": {"()": JsonLines}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Their own handlers would write each line a second time, in their own form.
            **{
                name: {"handlers": [], "level": level, "propagate": True}
                for name in ("django", "django.server", "gunicorn.error", "gunicorn.access")
            },
            # By name: Celery sets the root's level to that of its own command line.
            **{name: {"level": level} for name in OURS},
            **{
                name: {"level": max(level, "WARNING", key=LEVELS.index)}
                for name in (*TALKATIVE, *CONFIDING)
            },
        },
    }
