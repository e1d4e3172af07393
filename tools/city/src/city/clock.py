"""One clock for everything the simulator notes down."""

import time

_OFFSET = time.time() - time.perf_counter()


def now() -> float:
    """Seconds since 1970 that never step back: comparable with the services' times on the same machine."""
    return _OFFSET + time.perf_counter()
