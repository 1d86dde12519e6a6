"""Celery: its settings and everything that runs by the clock. The tasks stand in tasks.py.

A task only rings the bell: the row in the database is the job (rule 6), so a lost message costs
one sweep, and a doubled one nothing. Hence no results, no retries and no remote control here.
"""

import os
from typing import Any
from urllib.parse import quote

from celery import Celery
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctem.settings")
TRANSPORT_ALIASES["embedded"] = "ctem.embedded_broker:Transport"


def _broker_url() -> str:
    """Return the broker's address; the bare ``embedded://`` means a folder below DATA_DIR."""
    if settings.BROKER_URL != "embedded://":
        return settings.BROKER_URL
    return f"embedded://{quote(str(settings.DATA_DIR / 'queue'))}"


def _transport_options() -> dict[str, Any]:
    """A Redis that does not answer is given up soon: /readyz and uploads wait for it."""
    return {"socket_connect_timeout": 3} if settings.BROKER_URL.startswith("redis") else {}


def _configuration() -> dict[str, Any]:
    """Return Celery's settings; called at first use, when Django's settings are complete."""
    every = settings.JOB_SWEEP_SECONDS
    return {
        "broker_url": _broker_url(),
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": _transport_options(),
        "task_default_queue": "ctem",
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": True,
        "worker_concurrency": settings.WORKER_PROCESSES,
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "timezone": settings.TIME_ZONE,
        "beat_schedule_filename": str(settings.DATA_DIR / "beat-schedule"),
        "beat_schedule": {
            # What nobody took before the next one is due is worth nothing: its message expires.
            "expire": {"task": "ctem.expire", "schedule": 3600, "options": {"expires": 3600}},
            "clocks": {"task": "ctem.tell_clocks", "schedule": 3600, "options": {"expires": 3600}},
            "feeds": {"task": "ctem.order_feeds", "schedule": 3600, "options": {"expires": 3600}},
            "prune": {"task": "ctem.prune", "schedule": 86_400, "options": {"expires": 86_400}},
            "keys": {"task": "ctem.forget_keys", "schedule": 3600, "options": {"expires": 3600}},
            "tallies": {"task": "ctem.compact", "schedule": 60, "options": {"expires": 60}},
            "schedules": {
                "task": "ctem.order_due_scans",
                "schedule": 3600,
                "options": {"expires": 3600},
            },
            "hosts": {"task": "ctem.look_at_hosts", "schedule": 60, "options": {"expires": 60}},
            "vanished": {"task": "ctem.vanished", "schedule": 3600, "options": {"expires": 3600}},
            "pulls": {"task": "ctem.show_pulls", "schedule": 15, "options": {"expires": 15}},
            "webhooks": {"task": "ctem.deliver", "schedule": 5, "options": {"expires": 5}},
            "trackers": {
                "task": "ctem.follow_trackers",
                "schedule": 5,
                "options": {"expires": 5},
            },
            "notices": {"task": "ctem.tell_people", "schedule": 15, "options": {"expires": 15}},
            "moves": {"task": "ctem.copy_moves", "schedule": 60, "options": {"expires": 60}},
            "sweep": {"task": "ctem.sweep", "schedule": every, "options": {"expires": every}},
        },
    }


app = Celery("ctem", include=["ctem.tasks"])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.add_defaults(_configuration)
