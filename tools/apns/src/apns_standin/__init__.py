"""A stand-in for APNs: real HTTP/2 over TLS, Apple's checks, Apple's answers, and failures on demand.

In a test: ``async with standin(tmp_path, topics={"com.example.app"}) as apns: ...``.
On its own: ``python -m apns_standin --state DIR --topics com.example.app``.
"""

from apns_standin.push import Push
from apns_standin.script import Script
from apns_standin.standin import Standin, standin

__all__ = ["Push", "Script", "Standin", "standin"]
