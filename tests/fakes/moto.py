"""A real S3 server, in a process of its own: moto's. It does not look at signatures; `tests.fakes.s3` does."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.session import Session

_RUNNING = re.compile(rb"Running on (http://127\.0\.0\.1:\d+)")
#: what botocore reads from the environment
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKFAKE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "eu-west-9"}


@contextmanager
def moto_server(bucket: str = "datasets") -> Iterator[str]:
    """The server's address while inside; it has one bucket, and forgets all at the end."""
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        address = _address(process)
        # a line for each request: nobody reads them, and a pipe that is full would stop the server
        threading.Thread(target=_drain, args=(process,), daemon=True).start()
        _make_bucket(address, bucket)
        yield address
    finally:
        process.kill()
        process.wait()


def _address(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if told := _RUNNING.search(line):
            return told[1].decode()
    raise AssertionError("moto's server did not start")


def _drain(process: subprocess.Popen[bytes]) -> None:
    assert process.stderr is not None
    with process.stderr as lines:
        for _ in lines:
            pass


def _make_bucket(address: str, bucket: str) -> None:
    session = Session()
    session.set_credentials("AKFAKE", "secret")
    client = session.create_client(
        "s3", region_name="eu-west-9", endpoint_url=address, config=Config(s3={"addressing_style": "path"})
    )
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-9"})
