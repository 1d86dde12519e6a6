"""The project: settings, addresses, the API map and all background work on one screen."""

from ctem.celery import app as celery_app

__all__ = ["celery_app"]
__version__ = "0.1.0"
