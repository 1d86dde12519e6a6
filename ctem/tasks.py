"""The Celery tasks: each rings a bell in jobs.py or calls one service. No work and no decision belongs here.

The ``**_`` tail lets a worker take the message of a newer or an older web process during a deploy.
"""

from typing import Any

from django.utils import timezone

from core.idempotency import forget_old_keys
from core.sessions import forget_old_sessions
from ctem import jobs
from ctem.celery import app
from findings.services import expire_acceptances
from findings.services.clocks import tell_clocks
from findings.services.feeds import order_feeds
from findings.services.rules import end_expired_rules
from findings.tallies import compact
from forges.services.inbound import forget_messages
from forges.services.looks import ask_due_looks
from forges.services.showing import find_unshown
from reports.services.moves import catch_up_all
from scans.services.pruning import prune
from scans.services.schedules import order_due_scans
from scans.services.standing import judge_with_approvals_of_today
from scans.services.vanishing import ask_all
from scans.services.waivers import judge_ended_waivers
from tickets.services.notices import forget_notices
from tickets.services.threads import deliver, follow_trackers, tell_people
from tickets.services.trackers import forget_tracker_history
from tickets.services.webhooks import forget_deliveries


@app.task(name="ctem.run_job")
def run_job(*, job_id: int, **_: Any) -> None:
    """Run the job of this id, if it is still due and nobody else holds it."""
    jobs.run(job_id)


@app.task(name="ctem.sweep")
def sweep(**_: Any) -> None:
    """Ring the bell again for every job that is due and that no live worker holds."""
    jobs.sweep()


@app.task(name="ctem.look_at_hosts")
def look_at_hosts(**_: Any) -> None:
    """Look at each code host that nobody has looked at for a while: webhooks may be lost."""
    ask_due_looks(at=timezone.now())


@app.task(name="ctem.expire")
def expire(**_: Any) -> None:
    """Reopen findings whose accepted risk has run out, end rules whose day has come; judge again where a
    waiver or approval has run out."""
    expire_acceptances(at=timezone.now())
    end_expired_rules(at=timezone.now())
    judge_ended_waivers(at=timezone.now())
    judge_with_approvals_of_today(at=timezone.now())


@app.task(name="ctem.tell_clocks")
def tell_of_clocks(**_: Any) -> None:
    """Tell which findings are or will be late, and which acceptances end."""
    tell_clocks(at=timezone.now())


@app.task(name="ctem.order_feeds")
def order_todays_feeds(**_: Any) -> None:
    """Make a job for each feed that was not fetched today."""
    order_feeds(at=timezone.now())


@app.task(name="ctem.compact")
def compact_tallies(**_: Any) -> None:
    """Sum up what changed in the counts of findings."""
    compact()


@app.task(name="ctem.prune")
def prune_sightings(**_: Any) -> None:
    """Forget which result each old scan saw, where no evidence rests on it, and what was sent long ago."""
    prune(at=timezone.now())
    forget_deliveries(at=timezone.now())
    forget_messages(at=timezone.now())
    forget_tracker_history(at=timezone.now())
    forget_notices(at=timezone.now())


@app.task(name="ctem.forget_keys")
def forget_keys(**_: Any) -> None:
    """Delete the answers of POSTs that were kept for a day, and sessions whose time is over."""
    forget_old_keys(at=timezone.now())
    forget_old_sessions(at=timezone.now())


@app.task(name="ctem.order_due_scans")
def order_scans(**_: Any) -> None:
    """Make a job for each daily scan whose hour has come."""
    order_due_scans(at=timezone.now())


@app.task(name="ctem.show_pulls")
def show_pulls(**_: Any) -> None:
    """Ring for each pull request whose fix was judged anew since it was told."""
    find_unshown(at=timezone.now())


@app.task(name="ctem.vanished")
def look_for_vanished(**_: Any) -> None:
    """Make a job for each series whose last full scan lacks something that nobody has looked at."""
    ask_all(at=timezone.now())


@app.task(name="ctem.tell_people")
def send_notices(**_: Any) -> None:
    """Make notices of what happened, and begin to send what is due."""
    tell_people(at=timezone.now())


@app.task(name="ctem.deliver")
def deliver_webhooks(**_: Any) -> None:
    """Make deliveries of what happened, and begin to send what is due."""
    deliver(at=timezone.now())


@app.task(name="ctem.follow_trackers")
def follow_all_trackers(**_: Any) -> None:
    """Write down what tickets are to be told, and begin a round with each tracker that has something due."""
    follow_trackers(at=timezone.now())


@app.task(name="ctem.copy_moves")
def copy_moves(**_: Any) -> None:
    """Copy what events say of findings' moves to where they are counted."""
    catch_up_all()
