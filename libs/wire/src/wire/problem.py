"""A refusal, raised anywhere below an edge and answered there in the edge's own way."""

from contracts.requests import Problem


class ProblemError(Exception):
    """Carries the `Problem` that the asker will get."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(f"{code}: {message}")
        self.problem = Problem(code=code, message=message, status=status)


def not_found(what: str) -> ProblemError:
    """404. Also for what the asker may not know to exist."""
    return ProblemError("not_found", f"No such {what}", 404)


def forbidden(message: str) -> ProblemError:
    """403."""
    return ProblemError("forbidden", message, 403)


def conflict(code: str, message: str) -> ProblemError:
    """409."""
    return ProblemError(code, message, 409)
