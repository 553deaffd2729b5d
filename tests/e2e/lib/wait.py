"""Waiting for a condition, never for a time."""

import os
import time

# Under a sanitizer, Valgrind or on a crowded machine everything takes longer: KH_PATIENCE=4 stretches every limit.
PATIENCE = float(os.environ.get("KH_PATIENCE", "1"))


def until(condition, what, limit_s=60.0, every_s=0.02, alive=None):
    """Poll condition() until it is true and return its value. alive() says why waiting longer is pointless, or None."""
    limit_s *= PATIENCE
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        gone = alive() if alive else None
        if gone:
            raise AssertionError(f"waited for {what}, but {gone}")
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit_s:g} s for {what}")
        time.sleep(every_s)
