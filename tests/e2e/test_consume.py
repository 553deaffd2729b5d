"""The main job: an unchanged Python processor, a Kinesis API, a lease table as Java writes it."""

import json
import os
import re
import time
from pathlib import Path

from lib import journal, leases, streams, wait

RECORDED = Path(__file__).resolve().parents[1] / "data" / "lease-table-java-3.1.3.json"


# What Java does not write, or not always.
OPTIONAL = ("throughputKBps", "entityType", "kclHostHandoff", "kclHostStream")


def test_every_record_once_and_in_order(stream, start, app, notes, dynamodb, figure):
    stream.put(20000)
    assert len(stream.by_shard) == 4
    host = start({**app, "streamArn": stream.arn})
    host.wait_for(lambda: notes.seen() >= 20000, "20,000 records to be processed", 120)
    took = max(at for shard in notes.shards() for _, _, at in notes.records(shard)) - host.started_at
    status, _ = host.terminate()
    journal.check_exactly_once(notes, stream)
    assert status == 0
    for shard in stream.by_shard:
        last = str(stream.expected(shard)[-1][0])
        assert leases.checkpoints(dynamodb.client, app["applicationName"])[shard] == last
    figure(f"20,000 records, 4 shards, each once and in order: {took:.2f} s from start to the last record")


def test_the_lease_table_looks_as_java_wrote_it(stream, start, app, notes, dynamodb):
    stream.put(400)
    recorded = json.loads(RECORDED.read_text())
    host = start(app)
    host.wait_for(lambda: notes.seen() >= 400, "all records")
    name = app["applicationName"]
    held = host.wait_for(lambda: all_checkpointed(leases.leases(dynamodb.client, name)), "four checkpoints")
    table = dynamodb.client.describe_table(TableName=name)["Table"]
    assert table["KeySchema"] == recorded["key_schema"]
    assert table["BillingModeSummary"]["BillingMode"] == recorded["billing_mode"]
    for ours, java in zip((held[key] for key in sorted(held)), recorded["leases"]):
        # Throughput is measured by KCL 3.x fleets only.
        want = {name: t for name, t in leases.types(java).items() if name != "throughputKBps"}
        got = {name: t for name, t in leases.types(ours).items() if name not in OPTIONAL}
        assert got == want
        for same in ("leaseKey", "startingHashKey", "endingHashKey", "checkpointSubSequenceNumber",
                     "ownerSwitchesSinceCheckpoint"):
            assert ours[same] == java[same]
        assert re.fullmatch(r"\d{56}", ours["checkpoint"]["S"])


def all_checkpointed(found):
    done = [item for item in found.values() if item["checkpoint"]["S"].isdigit()]
    return found if len(done) == 4 else None


def test_the_librarys_own_sample_runs_unchanged(stream, start, app, dynamodb):
    stream.put(2000)
    # The sample ends no line, so kcl-host passes its notes on in pieces of 16 KB and the rest when a child exits: some
    # 120 of these records. Python, which would keep as much again, is told not to. A shard is one batch here: once more
    # is seen than three shards could give, all four have got theirs.
    host = start({**app, "executableName": "sample_kclpy_app.py"}, {"PYTHONUNBUFFERED": "1"})
    host.wait_for(lambda: len(leases.owners(dynamodb.client, app["applicationName"])) == 4
                  and all(leases.owners(dynamodb.client, app["applicationName"]).values()), "four held leases")
    host.wait_for(lambda: len(host.children()) == 4, "four children")
    assert max(len(records) for records in stream.by_shard.values()) < 580
    host.wait_for(lambda: host.text().count("Record (Partition Key") >= 1740, "the sample's notes on most records")
    status, _ = host.terminate()
    text = host.text()
    assert status == 0
    assert text.count("Record (Partition Key") == 2000
    assert text.count("Shutdown has been requested, checkpointing.") == 4
    found = leases.checkpoints(dynamodb.client, app["applicationName"])
    assert found == {shard: str(stream.expected(shard)[-1][0]) for shard in stream.by_shard}


def test_leases_in_moto(stream, start, app, notes, moto):
    stream.put(400)
    host = start({**app, "dynamoDBEndpoint": moto.endpoint})
    host.wait_for(lambda: notes.seen() >= 400, "all records")
    status, _ = host.terminate()
    journal.check_exactly_once(notes, stream)
    assert status == 0
    assert set(leases.owners(moto.client, app["applicationName"]).values()) == {None}


def test_latest_skips_what_was_there_before(stream, start, app, notes):
    stream.put(100)
    host = start({**app, "initialPositionInStream": "LATEST"})
    host.wait_for(lambda: len(notes.shards()) == 4, "four children")
    before = {shard: set(records) for shard, records in stream.by_shard.items()}
    stream.put(100)
    host.wait_for(lambda: notes.seen() >= 100, "the new records")
    for shard, records in stream.by_shard.items():
        assert {seq for seq, _, _ in notes.records(shard)} == set(records) - before[shard]


def test_at_timestamp_skips_what_is_older(stream, start, app, notes):
    stream.put(100)
    before = {shard: set(records) for shard, records in stream.by_shard.items()}
    moment = int(time.time()) + 1
    wait.until(lambda: time.time() >= moment, "the next second")
    stream.put(100)
    host = start({**app, "initialPositionInStreamExtended": str(moment)})
    host.wait_for(lambda: notes.seen() >= 100, "the new records")
    for shard, records in stream.by_shard.items():
        assert {seq for seq, _, _ in notes.records(shard)} == set(records) - before[shard]


def test_large_records_make_long_lines(stream, start, app, notes, figure):
    """Several megabytes a line, through a pipe of 64 KiB."""
    stream.put(16, keys=16, padding=700_000)
    host = start(app)
    host.wait_for(lambda: notes.seen() == 16, "all records")
    assert host.terminate()[0] == 0
    journal.check_exactly_once(notes, stream)
    longest = max(line["records"] for shard in notes.shards() for line in notes.lines(shard)
                  if line["event"] == "processRecords")
    figure(f"16 records of 700 kB: up to {longest} in one line of {longest * 0.934:.1f} MB")


def test_a_child_has_three_descriptors_and_its_own_group(stream, start, app, notes):
    host = start(app)
    host.wait_for(lambda: len(notes.shards()) == 4, "four children")
    for shard in notes.shards():
        pid = notes.sessions(shard)[0].pid
        opened = {fd: os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        of_its_own = [fd for fd, path in opened.items() if path.endswith(f"{shard}.jsonl")]
        assert len(of_its_own) == 1
        assert {fd: path.split(":")[0] for fd, path in opened.items() if fd not in of_its_own} == {
            "0": "pipe", "1": "pipe", "2": "pipe"}
        assert os.getpgid(pid) == pid
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        assert re.search(r"^SigBlk:\s+0+$", status, re.M)


def test_the_librarys_own_properties_file_unchanged(kinesis, dynamodb, real_parts, start):
    """Not a letter of it changed: the endpoints come from the environment, as AWS's own SDKs take them."""
    stream = streams.Stream(kinesis.client, "kclpysample", 2)
    stream.put(300)
    host = start(real_parts.kclpy_sample_properties(), {"AWS_ENDPOINT_URL_KINESIS": kinesis.endpoint,
                                                        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.endpoint,
                                                        "PYTHONUNBUFFERED": "1"})
    host.wait_for(lambda: len(host.children()) == 2, "two children")
    one_shard_n = max(len(records) for records in stream.by_shard.values())
    host.wait_for(lambda: host.text().count("Record (Partition Key") > one_shard_n, "notes from both children")
    assert host.terminate()[0] == 0
    assert leases.checkpoints(dynamodb.client, "PythonKCLSample") == {
        shard: str(stream.expected(shard)[-1][0]) for shard in stream.by_shard}
