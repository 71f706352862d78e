"""An AWS account in a process of this machine that is not ours (MiniStack): empty, or with the stack deployed into it.

It listens on loopback, on a free port, and is stopped with the tests. Functions run as processes of this interpreter, so
that the host's architecture is what is deployed.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import boto3

from tests.deployed.assembly import HOST, assembly

ROOT = Path(__file__).parents[2]
CDK = Path(sys.prefix) / "cdk" / "node_modules" / "aws-cdk" / "bin" / "cdk"
Found = TypeVar("Found")


@dataclass(frozen=True)
class Account:
    """A running account, and the outputs of the stack if it is deployed there."""

    endpoint: str
    outputs: Mapping[str, str]
    log: Path

    def client(self, service: str) -> Any:
        return boto3.session.Session("test", "test", region_name="us-east-1").client(
            service, endpoint_url=self.endpoint
        )

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.endpoint)


@contextmanager
def started(folder: Path) -> Iterator[Account]:
    """The account, with nothing in it."""
    port = _free_port()
    endpoint, log = f"http://127.0.0.1:{port}", folder / "ministack.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=_server(port), stdout=out, stderr=subprocess.STDOUT
        )
    try:
        wait_for(lambda: "Ready —" in log.read_text(), "the account to be up", 60)
        yield Account(endpoint, {}, log)
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def deployed(folder: Path) -> Iterator[Account]:
    """The account, with the stack deployed by the pinned command line of the CDK."""
    with started(folder) as empty:
        _cdk(empty.endpoint, "bootstrap", "aws://000000000000/us-east-1")
        shown = _cdk(empty.endpoint, "deploy", "--require-approval", "never")
        outputs = dict(re.findall(r"^Leeward\.(\w+) = (\S+)$", shown, re.MULTILINE))
        yield replace(empty, outputs=outputs)


def environment(endpoint: str) -> dict[str, str]:
    """What makes any AWS client of a process talk to the account."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **keep,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def wait_for(look: Callable[[], Found | None | bool], what: str, seconds: float = 90.0) -> Found:
    """Look until there is something; what was looked for is in the error."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found  # type: ignore[return-value]
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:g} s for {what}")


def _server(port: int) -> dict[str, str]:
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COV_"))}
    return {
        **keep,
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "EDGE_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _cdk(endpoint: str, *arguments: str) -> str:
    node = Path(sys.executable).with_name("node")
    done = subprocess.run(
        [str(node), str(CDK), *arguments, "--app", str(assembly(HOST)), "--no-notices", "--ci"],
        cwd=ROOT,
        env={**environment(endpoint), "CDK_DISABLE_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
