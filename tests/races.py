"""Doing several things at once, each on a database connection of its own."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def race(*calls: Callable[[], Any]) -> list[Any]:
    """Start all calls at the same moment; return what each returned, or the exception it raised."""
    gate = threading.Barrier(len(calls))
    answers: list[Any] = [None] * len(calls)

    def run(number: int, call: Callable[[], Any]) -> None:
        try:
            gate.wait(10)
            answers[number] = call()
        except Exception as error:  # noqa: BLE001  (told to the test, whatever it is)
            answers[number] = error
        finally:
            connection.close()

    threads = [
        threading.Thread(target=run, args=(number, call)) for number, call in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    return answers


def errors(answers: list[Any]) -> list[Exception]:
    """Those answers that are exceptions."""
    return [answer for answer in answers if isinstance(answer, Exception)]
