"""`python -m realtime`"""

from realtime.main import main
from realtime.settings import Settings
from wire.run import run

if __name__ == "__main__":
    settings = Settings()
    run(lambda: main(settings), drain_seconds=settings.drain_seconds)
