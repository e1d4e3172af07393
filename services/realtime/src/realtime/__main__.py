"""`python -m realtime`"""

import gc

from realtime.main import main
from realtime.settings import Settings
from wire.run import run

if __name__ == "__main__":
    settings = Settings()
    # What is there now stays; and thousands of sockets are no reason to look at all of them again and again.
    gc.freeze()
    gc.set_threshold(50_000, 20, 1000)
    run(lambda: main(settings), drain_seconds=settings.drain_seconds)
