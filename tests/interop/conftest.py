"""The fixture of all interop tests: a fleet under load."""

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from lib import streams  # noqa: E402

pytest.register_assert_rewrite("checks", "handovers")

import fleets  # noqa: E402

pytest_plugins = ["lib.fixtures"]


@pytest.fixture
def at_work(real_parts, tmp_path, app, start, notes, dynamodb, kinesis, name):
    """A fleet on a stream under load. When its block ends the load does, the rest is read, and those who run stop."""
    @contextmanager
    def run(java_version, shards, java_properties=None):
        stream = streams.Stream(kinesis.client, name, shards)
        with fleets.Fleet(stream, notes, dynamodb.client, app) as fleet:
            fleet.start_host = start
            fleet.java = fleets.Java(real_parts, tmp_path, java_version, java_properties or {})
            with streams.Load(stream, batch=10, every_s=0.2):
                yield fleet
            fleet.until(lambda: notes.seen() == stream.put_n, "all records")
            for worker in fleet.running():
                fleet.stop(worker)
    return run
