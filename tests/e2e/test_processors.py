"""A processor in each language and of each generation, through all that can happen to it in ordinary life.

They are the journals of examples/: amazon_kclpy 3.1.3 with its three interfaces, aws-kcl 2.3.2 with its two, the
protocol said again in Ruby, and plain shell; each with its own properties file, where only names and endpoints change.
"""

import re
import shutil
from pathlib import Path

import pytest

from lib import front, host, journal, leases, streams

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RECORDS_N = 10000
LIMIT_S = 120

# folder, and what executableName becomes if it is not the one in the file
PROCESSORS = {
    "python-v1": ("python", "examples/python/journal_v1.py"),
    "python-v2": ("python", "examples/python/journal_v2.py"),
    "python-v3": ("python", None),
    "node-v1": ("node", "node examples/node/journal_v1.js"),
    "node-v2": ("node", None),
    "ruby": ("ruby", None),
    "shell": ("shell", None),
}

LETTERS = {"initialize": "I", "processRecords": "P", "record": "r", "checkpoint.asked": "a", "checkpoint.done": "d",
           "checkpoint.refused": "f", "shardEnded": "E", "leaseLost": "L", "shutdownRequested": "R"}
CHECKPOINT = "(af)*ad"
LIFE = re.compile(f"I(P(r+{CHECKPOINT})?)*(E{CHECKPOINT}|(R{CHECKPOINT})?L)")


def letter(line):
    if line["event"] == "shutdown":  # the older generations
        return {"TERMINATE": "E", "ZOMBIE": "L"}[line["reason"]]
    return LETTERS[line["event"]]


def check_callbacks(notes, shard):
    """Each child of the shard: callbacks in their order, batches whole. Returns the letters of each."""
    lives = []
    for session in notes.sessions(shard):
        lines = [line for line in notes.lines(shard) if line["pid"] == session.pid]
        life = "".join(letter(line) for line in lines)
        assert LIFE.fullmatch(life), f"{shard}: {re.sub('r+', 'r', life)}"
        announced = [line["records"] for line in lines if line["event"] == "processRecords"]
        assert announced == [len(records) for records in re.findall("P(r*)", life)]
        lives.append(life)
    return lives


class Throttle:
    """Each write of a checkpoint while it is on, and of a lease as such none."""

    def __init__(self):
        self.on = False
        self.n = 0

    @staticmethod
    def is_checkpoint(body):
        return b'"checkpointSubSequenceNumber"' in body

    def __call__(self, operation, before):
        if not self.on or operation != "UpdateItem":
            return None
        self.n += 1
        return "ProvisionedThroughputExceededException"


@pytest.fixture
def stream(kinesis, name):
    return streams.Stream(kinesis.client, name, 2)


@pytest.fixture
def begin(start, app, tmp_path, real_parts):
    """begin(processor, worker, dynamodb endpoint) runs a kcl-host with the processor's own properties file."""
    shutil.copytree(EXAMPLES, tmp_path / "examples")

    def run(processor, worker, endpoint):
        folder, executable = PROCESSORS[processor]
        shipped = (EXAMPLES / folder / "journal.properties").read_text()
        changes = {"executableName": executable, "streamArn": None, "streamName": app["streamName"],
                   "applicationName": app["applicationName"], "kinesisEndpoint": app["kinesisEndpoint"],
                   "dynamoDBEndpoint": endpoint, "workerId": worker, "failoverTimeMillis": "5000",
                   "parentShardPollIntervalMillis": "1000"}
        if executable is None:
            del changes["executableName"]
        file = tmp_path / f"{worker}.properties"
        file.write_text(host.properties(shipped, changes))
        return start(file, {"JOURNAL_DIR": str(tmp_path / "journal"),
                            "NODE_PATH": str(real_parts.aws_kcl().parent)})
    return run


@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_processors_life(processor, stream, begin, app, dynamodb, notes, figure):
    """Start, throttled checkpoints, a split, a lease that moves to another worker, SIGTERM."""
    throttle = Throttle()
    with front.Front(dynamodb.endpoint, throttle, Throttle.is_checkpoint) as table:
        stream.put(RECORDS_N // 4)
        first = begin(processor, "first", table.endpoint)
        first.wait_for(lambda: notes.seen() == stream.put_n, "the first records", LIMIT_S)
        stream.split("shardId-000000000000")
        stream.put(RECORDS_N // 4)
        first.wait_for(lambda: notes.seen() == stream.put_n, "the records of the new shards", LIMIT_S)
        throttle.on = True
        stream.put(RECORDS_N // 10)
        first.wait_for(lambda: notes.first("checkpoint.refused"), "a checkpoint to be refused", LIMIT_S)
        throttle.on = False
        first.wait_for(lambda: notes.seen() == stream.put_n, "the records meanwhile", LIMIT_S)
        alone = {shard: len(notes.sessions(shard)) for shard in notes.shards()}
        assert alone == dict.fromkeys([s["ShardId"] for s in stream.shards()], 1)

        second = begin(processor, "second", table.endpoint)
        second.wait_for(lambda: any(len(notes.sessions(s)) == 2 for s in notes.shards()), "a lease to move", LIMIT_S)
        stream.put(RECORDS_N - stream.put_n)
        first.wait_for(lambda: notes.seen() == RECORDS_N, f"all {RECORDS_N} records", LIMIT_S)
        for one in (second, first):
            assert one.terminate()[0] == 0
            one.wait_no_children()
        assert table.problems == []

    journal.check_exactly_once(notes, stream)
    lives = {shard: check_callbacks(notes, shard) for shard in notes.shards()}
    assert lives["shardId-000000000000"][0].count("E") == 1
    assert all(life.endswith("L") and "R" in life for shard in stream.open_shards() for life in lives[shard["ShardId"]])
    moves_n = sum(len(found) - 1 for found in lives.values())
    assert 1 <= moves_n <= 4  # one or two of three leases, which the first may have back when the second stops
    ended = notes.lines("shardId-000000000000")[-1]["at"]
    for shard in stream.shards():
        assert "ParentShardId" not in shard or notes.lines(shard["ShardId"])[0]["at"] >= ended
    for shard, checkpoint in leases.checkpoints(dynamodb.client, app["applicationName"]).items():
        expected = stream.expected(shard)
        assert checkpoint == ("SHARD_END" if shard == "shardId-000000000000" else str(expected[-1][0]))
    refused = [line["error"] for shard in notes.shards() for line in notes.lines(shard)
               if line["event"] == "checkpoint.refused"]
    assert set(refused) == {"ThrottlingException"}
    figure(f"{processor}: {RECORDS_N} records once and in order through split, moves ({moves_n}) and SIGTERM; "
           f"{throttle.n} throttled writes of checkpoints, {len(refused)} seen by the processor")


# The sample that amazon_kclpy ships, unchanged. It ends no line, so each process's notes go to a file of their own.
SAMPLE = """#!/bin/sh
exec sample_kclpy_app.py 2>>"$JOURNAL_DIR/$$.txt"
"""
NOTED = re.compile(r"Record \(Partition Key: ([^,]+), Sequence Number: (\d+), Subsequence Number: 0, Data Size: 8")
SAMPLE_LIFE = re.compile(r"r*(Shard has ended checkpointing|(Shutdown has been requested, checkpointing\.)?Lease has been lost)")


def sample_lives(folder, stream):
    """{shard: [text of each process, its records as r]}, all records in order and none twice."""
    shard_of = {sequence: shard for shard, records in stream.by_shard.items() for sequence in records}
    seen, lives = {}, {}
    for path in sorted(folder.glob("*.txt"), key=lambda path: path.stat().st_mtime):
        text = path.read_text()
        sequences = [int(sequence) for _, sequence in NOTED.findall(text)]
        shards = {shard_of[sequence] for sequence in sequences}
        assert len(shards) <= 1
        life = NOTED.sub("r", text)
        assert SAMPLE_LIFE.fullmatch(life), life[-300:]
        for shard in shards:
            seen.setdefault(shard, []).extend(sequences)
            lives.setdefault(shard, []).append(life)
    assert seen == {shard: [sequence for sequence, _ in stream.expected(shard)] for shard in stream.by_shard}
    return lives


def test_the_python_librarys_own_sample(stream, start, app, dynamodb, tmp_path, figure):
    folder = tmp_path / "sample"
    folder.mkdir()
    processor = tmp_path / "sample.sh"
    processor.write_text(SAMPLE)
    processor.chmod(0o755)

    def begin(worker):
        return start({**app, "executableName": str(processor), "workerId": worker, "failoverTimeMillis": "5000",
                      "parentShardPollIntervalMillis": "1000"}, {"JOURNAL_DIR": str(folder), "PYTHONUNBUFFERED": "1"})

    def noted():
        return sum(path.read_text().count("Data Size") for path in folder.glob("*.txt"))

    def told(what):
        return sum(path.read_text().count(what) for path in folder.glob("*.txt"))

    stream.put(RECORDS_N // 2)
    first = begin("first")
    first.wait_for(lambda: noted() == stream.put_n, "the first records", LIMIT_S, 0.2)
    stream.split("shardId-000000000000")
    stream.put(RECORDS_N // 4)
    first.wait_for(lambda: noted() == stream.put_n, "the records of the new shards", LIMIT_S, 0.2)
    second = begin("second")
    second.wait_for(lambda: told("Lease has been lost") > 0 and second.children(), "a lease to move", LIMIT_S)
    stream.put(RECORDS_N - stream.put_n)
    first.wait_for(lambda: noted() == RECORDS_N, f"all {RECORDS_N} records", LIMIT_S, 0.2)
    for one in (second, first):
        assert one.terminate()[0] == 0
        one.wait_no_children()

    lives = sample_lives(folder, stream)
    assert [life.lstrip("r") for life in lives["shardId-000000000000"]] == ["Shard has ended checkpointing"]
    moves_n = sum(len(found) - 1 for found in lives.values())
    assert 1 <= moves_n <= 4
    assert told("Shutdown has been requested, checkpointing.") == told("Lease has been lost") >= 3 + moves_n
    for shard, checkpoint in leases.checkpoints(dynamodb.client, app["applicationName"]).items():
        expected = stream.expected(shard)
        assert checkpoint == ("SHARD_END" if shard == "shardId-000000000000" else str(expected[-1][0]))
    figure(f"sample_kclpy_app.py: {RECORDS_N} records once and in order through split, moves ({moves_n}) and SIGTERM")


@pytest.mark.long
def test_the_python_librarys_own_sample_is_throttled(stream, start, app, dynamodb, figure):
    """It checkpoints once a minute, tells of a refusal on its standard output, and tries again after five seconds."""
    throttle = Throttle()
    with front.Front(dynamodb.endpoint, throttle, Throttle.is_checkpoint) as table, streams.Load(stream, every_s=1):
        throttle.on = True
        one = start({**app, "executableName": "sample_kclpy_app.py", "dynamoDBEndpoint": table.endpoint},
                      {"PYTHONUNBUFFERED": "1"})
        one.wait_event("Was throttled while checkpointing, will attempt again in 5 s", LIMIT_S)
        before = leases.checkpoints(dynamodb.client, app["applicationName"])
        throttle.on = False
        one.wait_for(lambda: all(checkpoint.isdigit() for checkpoint in leases.checkpoints(
            dynamodb.client, app["applicationName"]).values()), "checkpoints", LIMIT_S)
        assert one.terminate()[0] == 0
    assert set(before.values()) == {"TRIM_HORIZON"}
    figure(f"sample_kclpy_app.py: {throttle.n} throttled writes of checkpoints, told of, tried again and done")
