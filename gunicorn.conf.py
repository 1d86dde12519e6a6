"""gunicorn reads this from the folder it is started in: how the web process serves.

No Django here: the master only starts workers, each of which reads the settings for itself. Numbers come
from the environment: PORT, WEB_CONCURRENCY (workers), CTEM_WEB_THREADS; FORWARDED_ALLOW_IPS names the
proxies whose X-Forwarded-Proto is believed.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ctem import logs
from ctem.environment import POSITIVE, env

bind = f"{env.str('CTEM_WEB_ADDRESS', '127.0.0.1')}:{env.int('PORT', 8000, validate=POSITIVE)}"
workers = env.int("WEB_CONCURRENCY", 2, validate=POSITIVE)
threads = env.int("CTEM_WEB_THREADS", 4, validate=POSITIVE)
worker_class = "gthread"
timeout = 60  # a worker that says nothing for so long is replaced
graceful_timeout = 30  # requests in flight end before the process does
keepalive = 5
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  (heartbeats: no disk)
logconfig_dict = logs.configuration()

_METRICS = "PROMETHEUS_MULTIPROC_DIR"


def on_starting(server: Any) -> None:
    """Give the workers a folder in which they count requests together, if anybody may read them."""
    if env.str("CTEM_METRICS_TOKEN", "") and _METRICS not in os.environ:
        os.environ[_METRICS] = tempfile.mkdtemp(prefix="ctem-metrics-", dir=worker_tmp_dir)
        server.ctem_metrics = os.environ[_METRICS]


def on_exit(server: Any) -> None:
    """Leave nothing behind, but to a master that took over (USR2) with the folder in its environment."""
    folder = getattr(server, "ctem_metrics", None)
    if folder and not server.reexec_pid:
        shutil.rmtree(folder, ignore_errors=True)
