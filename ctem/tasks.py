"""The two Celery tasks: both ring a bell in jobs.py. No work and no decision belongs here.

The ``**_`` tail lets a worker take the message of a newer or an older web process during a deploy.
"""

from typing import Any

from ctem import jobs
from ctem.celery import app


@app.task(name="ctem.run_job")
def run_job(*, job_id: int, **_: Any) -> None:
    """Run the job of this id, if it is still due and nobody else holds it."""
    jobs.run(job_id)


@app.task(name="ctem.sweep")
def sweep(**_: Any) -> None:
    """Ring the bell again for every job that is due and that no live worker holds."""
    jobs.sweep()
