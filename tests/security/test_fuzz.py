"""Requests that schemathesis makes from each service's own API document, good ones and broken ones."""

import asyncio
import sys
from pathlib import Path

import pytest

from stack.house import House
from stack.tokens import Role

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
]
EXAMPLES = 10
"""Random requests an operation, besides those of the coverage phase."""


@pytest.mark.parametrize(
    ("service", "role"),
    [
        ("booking", "user"),
        ("booking", "pilot"),
        ("matching", "pilot"),
        ("matching", "admin"),
    ],
)
async def test_every_answer_is_one_that_the_api_document_promises(
    house: House, tmp_path: Path, service: str, role: Role
) -> None:
    """No 5xx, and status, content type and body are as declared. The same requests at each run."""
    process = await asyncio.create_subprocess_exec(
        SCHEMATHESIS,
        "run",
        f"{house.service_url(service)}/docs/{service}/openapi.json",
        f"--header=Authorization:Bearer {house.token('fuzz', role)}",
        f"--checks={','.join(CHECKS)}",
        "--phases=coverage,fuzzing",
        f"--max-examples={EXAMPLES}",
        "--generation-deterministic",
        "--warnings=off",
        "--no-color",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
