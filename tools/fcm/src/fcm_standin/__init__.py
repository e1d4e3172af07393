"""A stand-in for FCM HTTP v1: real HTTP/2 over TLS, OAuth tokens, Google's checks, failures on demand.

In a test: ``async with standin(tmp_path) as fcm: ...``. On its own: ``python -m fcm_standin --state DIR``.
"""

from fcm_standin.push import Push
from fcm_standin.script import TOKEN_ENDPOINT, Script
from fcm_standin.standin import Standin, standin

__all__ = ["TOKEN_ENDPOINT", "Push", "Script", "Standin", "standin"]
