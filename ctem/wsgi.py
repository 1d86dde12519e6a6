"""The door for WSGI servers."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctem.settings")


def settle() -> None:
    """Load what requests need, and have it left out when garbage is looked for.

    A full search through all that is loaded takes 150 ms, in which a request waits; none of it is garbage.
    """
    list(get_resolver().url_patterns)  # the map with all views, otherwise read at the first request
    gc.collect()
    gc.freeze()


application = get_wsgi_application()
settle()
