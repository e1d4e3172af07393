"""`python -m push`"""

from push.main import main
from push.settings import Settings
from wire.run import run

if __name__ == "__main__":
    settings = Settings()
    run(lambda: main(settings), drain_seconds=settings.drain_seconds)
