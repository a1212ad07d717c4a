"""Times of day as people write them."""

from __future__ import annotations

import time


def clock(when: float) -> str:
    """What clocks showed then."""
    return time.strftime('%H:%M:%S', time.localtime(when))


def time_of(text: str, now: float) -> float | None:
    """The last moment before `now` at which clocks showed this; None if it is no time."""
    for form in ('%H:%M:%S', '%H:%M'):
        try:
            parsed = time.strptime(text.strip(), form)
        except ValueError:
            continue
        day = time.localtime(now)
        wanted = time.mktime((*day[:3], parsed.tm_hour, parsed.tm_min, parsed.tm_sec, 0, 0, -1))
        return wanted if wanted <= now else wanted - 86400
    return None
