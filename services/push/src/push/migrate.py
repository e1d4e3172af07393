"""`python -m push.migrate`"""

from wire.migrate import main

if __name__ == "__main__":
    main("push")
