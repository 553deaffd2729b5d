"""The emulators: one class each, started on free loopback ports, ended by process id."""

import os
import socket
import subprocess
import urllib.error
import urllib.request

import boto3
import botocore.exceptions
from botocore.config import Config

from . import wait

REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def client(service, endpoint):
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id="x",
                        aws_secret_access_key="y",
                        config=Config(retries={"max_attempts": 3}, connect_timeout=5, read_timeout=20))


class Server:
    """A process with an endpoint. argv and environment come from the subclass."""

    def __init__(self, folder, argv, cwd, environment=None):
        self.log_path = os.path.join(folder, f"{type(self).__name__}.log")
        with open(self.log_path, "ab") as log:
            # A group of its own, so that a Ctrl-C ends the tests first and they end it.
            self.process = subprocess.Popen(argv, cwd=cwd, env={**os.environ, **(environment or {})}, stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def wait_ready(self, probe):
        def answers():
            try:
                probe()
                return True
            except (OSError, urllib.error.URLError, botocore.exceptions.BotoCoreError,
                    botocore.exceptions.ClientError):
                return False
        try:
            wait.until(answers, f"{type(self).__name__} to answer", 60, 0.1,
                       lambda: "it ended" if self.process.poll() is not None else None)
        except AssertionError as e:
            self.stop()
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                raise AssertionError(f"{e}\n{log.read()[-3000:]}") from e

    def stop(self):
        """All of them keep everything in memory: there is nothing to end gracefully."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class DynamoDBLocal(Server):
    def __init__(self, parts, folder):
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        super().__init__(folder, ["java", "-Xmx300m", "-Djava.library.path=.", "-cp", "*",
                                  "com.amazonaws.services.dynamodbv2.local.main.ServerRunner", "-inMemory", "-sharedDb",
                                  "-disableTelemetry", "-port", str(port)], parts.dynamodb_local())
        self.client = client("dynamodb", self.endpoint)
        self.wait_ready(self.client.list_tables)


class KinesisLocal(Server):
    def __init__(self, parts, folder):
        plain = free_port()
        self.endpoint = f"http://127.0.0.1:{plain}"
        super().__init__(folder, ["node", "main.js"], parts.kinesis_local(), {
            "KINESIS_MOCK_PLAIN_PORT": str(plain), "KINESIS_MOCK_TLS_PORT": str(free_port()),
            "CREATE_STREAM_DURATION": "100ms", "DELETE_STREAM_DURATION": "100ms", "SPLIT_SHARD_DURATION": "200ms",
            "MERGE_SHARDS_DURATION": "200ms", "SHARD_LIMIT": "1000", "LOG_LEVEL": "WARN"})
        self.client = client("kinesis", self.endpoint)
        self.wait_ready(self.client.list_streams)


class Moto(Server):
    def __init__(self, python, folder):
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        super().__init__(folder, [python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], folder)
        self.client = client("dynamodb", self.endpoint)
        self.wait_ready(lambda: urllib.request.urlopen(self.endpoint + "/moto-api/", timeout=5).close())
