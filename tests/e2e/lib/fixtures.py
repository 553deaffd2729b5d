"""Fixtures: servers for the whole run, a stream, a lease table and kcl-hosts for one test. A pytest plugin."""

import hashlib
import os
import re
import sys
from pathlib import Path

import pytest

from . import host, journal, parts, servers, streams


@pytest.fixture(scope="session")
def binary():
    return os.environ["KH_BIN"]


@pytest.fixture(scope="session")
def real_parts():
    return parts.Parts(os.environ["KH_PARTS"])


@pytest.fixture(scope="session")
def kinesis(real_parts, tmp_path_factory):
    server = servers.KinesisLocal(real_parts, tmp_path_factory.mktemp("kinesis"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def dynamodb(real_parts, tmp_path_factory):
    server = servers.DynamoDBLocal(real_parts, tmp_path_factory.mktemp("dynamodb"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def moto(real_parts, tmp_path_factory):
    server = servers.Moto(sys.executable, tmp_path_factory.mktemp("moto"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def exit_status():
    """The documented statuses by name, read from where the program defines them."""
    text = (Path(__file__).resolve().parents[3] / "src" / "cli" / "exit.h").read_text(encoding="utf-8")
    return {name: int(number) for name, number in re.findall(r"KH_EXIT_(\w+)[\s\\]+(\d+)", text)}


@pytest.fixture
def figure():
    """Keep a measured figure for the summary at the end of the run."""
    def note(text):
        line = f"figure: {text}"
        print(line)
        with open(os.environ["KH_FIGURES"], "a", encoding="utf-8") as figures:
            figures.write(line + "\n")
    return note


@pytest.fixture
def name(request):
    """One name for the stream and the application of a test."""
    name = re.sub(r"[^a-z0-9-]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    if len(name) > 60:  # cut, two tests of one name with other parameters would share it
        name = f"{name[:51]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return name


@pytest.fixture
def stream(kinesis, name):
    return streams.Stream(kinesis.client, name)


@pytest.fixture
def launch(tmp_path):
    """launch(argv, environment) runs any command line as start does its own; all are gone when the test ends."""
    started = []
    path = f"{host.PROCESSORS}:{Path(sys.executable).parent}:{os.environ['PATH']}"

    def run(argv, environment=None):
        whole = {"PATH": path, "KH_JOURNAL": str(tmp_path / "journal"), **(environment or {})}
        started.append(host.Host([str(word) for word in argv], tmp_path, whole))
        return started[-1]

    yield run
    for one in started:
        one.clean_up()


@pytest.fixture
def write_properties(real_parts, tmp_path):
    """Makes a file of the Python client's sample.properties and changes to it."""
    def write(changes):
        file = tmp_path / f"app{len(list(tmp_path.glob('app*.properties')))}.properties"
        file.write_text(host.properties(real_parts.kclpy_sample_properties().read_text(), changes))
        return file
    return write


@pytest.fixture
def start(binary, launch, write_properties):
    """start(properties, environment, …) runs a kcl-host; all of them are gone when the test ends."""
    def run(properties, environment=None, arguments=(), wrap=()):
        file = write_properties(properties) if isinstance(properties, dict) else properties
        return launch([*wrap, binary, "--properties", file, *arguments], environment)
    return run


@pytest.fixture
def notes(tmp_path):
    """What the measuring processors of this test wrote."""
    return journal.Journal(tmp_path / "journal")


@pytest.fixture
def app(name, kinesis, dynamodb):
    """Properties of a test's application: the sample file's, with this test's names and servers."""
    return {"executableName": "measure.py", "streamArn": None, "streamName": name, "applicationName": name,
            "kinesisEndpoint": kinesis.endpoint, "dynamoDBEndpoint": dynamodb.endpoint, "metricsLevel": "NONE"}
