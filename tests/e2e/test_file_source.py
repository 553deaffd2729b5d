"""The embedded defaults: records from files, leases in SQLite, no server at all."""

import base64
import json
import re

import pytest

FIRST = "49590338271490256608559692538361571095921575989136588898"


class Files:
    """A folder of saved records, as `aws kinesis list-shards` and `get-records` print them."""

    def __init__(self, folder, closed=True, shards=2):
        self.folder = folder
        folder.mkdir()
        self.next = int(FIRST)
        self.wanted = {f"shardId-{i:012d}": [] for i in range(shards)}
        step = 2**128 // shards
        listed = []
        for i, shard in enumerate(self.wanted):
            numbers = {"StartingSequenceNumber": FIRST}
            if closed:
                numbers["EndingSequenceNumber"] = str(int(FIRST) + 10**9)
            keys = {"StartingHashKey": str(i * step), "EndingHashKey": str((i + 1) * step - 1)}
            listed.append({"ShardId": shard, "SequenceNumberRange": numbers, "HashKeyRange": keys})
            self.path(shard).touch()
        (folder / "shards.json").write_text(json.dumps({"Shards": listed}, indent=4))

    def path(self, shard):
        return self.folder / f"{shard}.ndjson"

    def add(self, n, shard="shardId-000000000000", time="2026-10-01T12:00:00.123000+00:00"):
        with open(self.path(shard), "a", encoding="utf-8") as file:
            for _ in range(n):
                self.next += 7
                data = f"d{self.next % 100000}"
                record = {"SequenceNumber": str(self.next), "ApproximateArrivalTimestamp": time,
                          "Data": base64.b64encode(data.encode()).decode(), "PartitionKey": "é-key"}
                file.write(json.dumps(record) + "\n")
                self.wanted[shard].append((self.next, data))

    def all_seen(self, notes):
        return all([(seq, data) for seq, data, _ in notes.records(shard)] == want
                   for shard, want in self.wanted.items())


@pytest.fixture
def local(tmp_path):
    """Properties without any server: no region, no credentials, no endpoint."""
    return {"executableName": "measure.py", "streamArn": None, "streamName": None, "applicationName": "local",
            "AwsCredentialsProvider": None, "regionName": None, "source": f"file:{tmp_path / 'stream'}",
            "leaseStore": f"sqlite:{tmp_path / 'leases.db'}"}


NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def test_closed_shards_are_processed_and_the_program_ends(local, start, notes, tmp_path, figure):
    files = Files(tmp_path / "stream")
    files.add(3000, "shardId-000000000000")
    files.add(2000, "shardId-000000000001", time=1759320000.123)
    host = start(local, NO_KEYS, ["--exit-when-done"])
    assert host.wait_exit() == 0, host.text()
    took = notes_end(notes) - host.started_at
    assert files.all_seen(notes)
    for shard in files.wanted:
        (session,) = notes.sessions(shard)
        assert session.saw("shardEnded")
    size = notes.size()
    again = start(local, NO_KEYS, ["--exit-when-done"])
    assert again.wait_exit() == 0
    assert notes.size() == size, "a second run has nothing to do"
    figure(f"file source and sqlite: 5,000 records of 2 closed shards in {took:.2f} s; a second run starts no child")


def notes_end(notes):
    return max(at for shard in notes.shards() for session in notes.sessions(shard) for _, at in session.events)


def test_a_growing_file_is_followed(local, start, notes, tmp_path):
    files = Files(tmp_path / "stream", closed=False)
    files.add(100)
    host = start(local, NO_KEYS)
    host.wait_for(lambda: files.all_seen(notes), "what was there")
    files.add(50)
    host.wait_for(lambda: files.all_seen(notes), "what was added")
    with open(files.path("shardId-000000000001"), "a", encoding="utf-8") as file:
        half = json.dumps({"SequenceNumber": str(files.next + 1), "ApproximateArrivalTimestamp": 1759320000.5,
                           "Data": "aGFsZg==", "PartitionKey": "k"}) + "\n"
        file.write(half[:40])
        file.flush()
        files.add(50)
        host.wait_for(lambda: files.all_seen(notes), "the other shard, past a half-written line")
        file.write(half[40:])
    files.wanted["shardId-000000000001"].append((int(json.loads(half)["SequenceNumber"]), "half"))
    host.wait_for(lambda: files.all_seen(notes), "the line once it is whole")
    status, _ = host.terminate()
    assert status == 0
    files.add(50)
    host = start(local, NO_KEYS)
    host.wait_for(lambda: files.all_seen(notes), "only what came after the checkpoint")
    assert host.terminate()[0] == 0
    assert files.all_seen(notes)


def test_a_kill_in_between_resumes_at_the_checkpoint(local, start, notes, tmp_path):
    files = Files(tmp_path / "stream")
    files.add(2000)
    environment = {**NO_KEYS, "KH_CHECKPOINT": "100", "KH_RECORD_MS": "1"}
    host = start(local, environment)
    host.wait_for(lambda: len(notes.records("shardId-000000000000")) > 500, "a part to be processed")
    host.kill()
    host.wait_no_children()
    (killed,) = notes.sessions("shardId-000000000000")
    host = start({**local, "failoverTimeMillis": "1000"}, {**NO_KEYS, "KH_CHECKPOINT": "100"}, ["--exit-when-done"])
    assert host.wait_exit() == 0, host.text()
    resumed = notes.sessions("shardId-000000000000")[1]
    want = files.wanted["shardId-000000000000"]
    assert resumed.start in killed.asked[-2:]
    at = [seq for seq, _ in want].index(int(resumed.start)) + 1
    assert [(seq, data) for seq, data, _ in resumed.records] == want[at:]


def test_parents_before_children(local, start, notes, tmp_path):
    files = Files(tmp_path / "stream", shards=1)
    listed = json.loads((files.folder / "shards.json").read_text())
    (parent,) = listed["Shards"]
    middle = 2**127
    for i, (low, high) in enumerate([(0, middle - 1), (middle, 2**128 - 1)], start=1):
        listed["Shards"].append({**parent, "ShardId": f"shardId-{i:012d}", "ParentShardId": parent["ShardId"],
                                 "HashKeyRange": {"StartingHashKey": str(low), "EndingHashKey": str(high)}})
        files.wanted[f"shardId-{i:012d}"] = []
    (files.folder / "shards.json").write_text(json.dumps(listed))
    for shard in files.wanted:
        files.add(100, shard)
    host = start(local, NO_KEYS, ["--exit-when-done"])
    assert host.wait_exit() == 0, host.text()
    assert files.all_seen(notes)
    parents_end = max(at for _, at in notes.sessions("shardId-000000000000")[0].events)
    for child in ("shardId-000000000001", "shardId-000000000002"):
        assert notes.sessions(child)[0].at > parents_end


@pytest.mark.parametrize("line", [
    '{"SequenceNumber": "12", "ApproximateArrivalTimestamp": 1, "Data": "aGk=", "PartitionKey": ',
    '{"SequenceNumber": "twelve", "ApproximateArrivalTimestamp": 1, "Data": "aGk=", "PartitionKey": "k"}',
    '{"ApproximateArrivalTimestamp": 1, "Data": "aGk=", "PartitionKey": "k"}',
    '{"SequenceNumber": "12", "ApproximateArrivalTimestamp": 1, "Data": "a=k=", "PartitionKey": "k"}',
    "plain text",
], ids=["truncated", "number of words", "no number", "bad base64", "no JSON"])
def test_malformed_line(line, local, start, notes, tmp_path, exit_status):
    files = Files(tmp_path / "stream")
    files.add(10)
    with open(files.path("shardId-000000000000"), "a", encoding="utf-8") as file:
        file.write(line + "\n")
    host = start(local, NO_KEYS, ["--exit-when-done"])
    status = host.wait_exit()
    assert status == exit_status["DATA"], host.text()
    complaints = [said for said in host.text().splitlines() if re.search("00.ndjson( line |:)11", said)]
    assert len(complaints) == 1, host.text()
    assert line not in host.text(), "records do not belong into the log"
    host.wait_no_children()
    got = [(seq, data) for seq, data, _ in notes.records("shardId-000000000000")]
    assert got == files.wanted["shardId-000000000000"][: len(got)]


def test_malformed_shard_list(local, start, tmp_path, exit_status):
    Files(tmp_path / "stream")
    (tmp_path / "stream" / "shards.json").write_text('{"Shards": [{"ShardId": 7}]}')
    host = start(local, NO_KEYS, ["--exit-when-done"])
    assert host.wait_exit() == exit_status["DATA"], host.text()
    assert len([said for said in host.text().splitlines() if "shards.json" in said]) == 1
    assert not (tmp_path / "leases.db").exists()


def test_folder_missing(local, start, tmp_path, exit_status):
    host = start(local, NO_KEYS)
    assert host.wait_exit() == exit_status["NOINPUT"], host.text()
    assert len([said for said in host.text().splitlines() if str(tmp_path / "stream") in said]) == 1
    assert not (tmp_path / "leases.db").exists()


def test_lease_file_cannot_be_made(local, start, tmp_path, exit_status):
    Files(tmp_path / "stream")
    host = start({**local, "leaseStore": f"sqlite:{tmp_path}/no/such/folder/leases.db"}, NO_KEYS)
    assert host.wait_exit() == exit_status["CANTCREAT"], host.text()
    assert "no/such/folder/leases.db" in host.text()
    host.wait_no_children()


def test_without_a_shard_list_every_file_is_an_open_shard(local, start, notes, tmp_path):
    files = Files(tmp_path / "stream", closed=False)
    (tmp_path / "stream" / "shards.json").unlink()
    for shard in files.wanted:
        files.add(20, shard)
    host = start(local, NO_KEYS)
    host.wait_for(lambda: files.all_seen(notes), "all records")
    assert host.terminate()[0] == 0
