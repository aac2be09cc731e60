"""Waiting with an end, and the list of tests."""

import time

WAIT = 10.0  # seconds any single wait may take
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def eventually(what, holds, within=WAIT):
    """Waits until `holds()` is true and gives its value back."""
    deadline = time.monotonic() + within
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what}")
        time.sleep(0.02)
