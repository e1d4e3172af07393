"""What can go wrong with a stack, said so that a person knows where to look."""


class StackError(RuntimeError):
    """The stack, or a step of its start, failed. The message names the log to read."""
