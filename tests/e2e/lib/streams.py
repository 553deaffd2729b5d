"""Streams on the Kinesis emulator: made, filled and resharded with boto3, an implementation that is not ours."""

import itertools
import threading
import time
from collections import defaultdict

from . import wait

BATCH_RECORDS = 500  # PutRecords takes no more
BATCH_BYTES = 4 << 20


class Stream:
    """A stream and the memory of everything put into it, as the service itself numbered it."""

    def __init__(self, kinesis, name, shards=4):
        self.kinesis = kinesis
        self.name = name
        self.put_n = 0
        self.by_shard = defaultdict(dict)  # shard id -> {sequence number: data}
        self.by_key = defaultdict(list)  # partition key -> data in the order it was put
        kinesis.create_stream(StreamName=name, ShardCount=shards)
        self.wait_active()

    def _summary(self):
        return self.kinesis.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]

    @property
    def arn(self):
        return self._summary()["StreamARN"]

    def wait_active(self):
        wait.until(lambda: self._summary()["StreamStatus"] == "ACTIVE", f"{self.name} to be active")

    def shards(self):
        return self.kinesis.list_shards(StreamName=self.name)["Shards"]

    def open_shards(self):
        return [s for s in self.shards() if "EndingSequenceNumber" not in s["SequenceNumberRange"]]

    def put(self, n, keys=97, padding=0):
        """Put n numbered records over a fixed set of partition keys, so that each shard gets its part."""
        numbers = itertools.islice(itertools.count(self.put_n), n)
        batch_records = min(BATCH_RECORDS, BATCH_BYTES // (padding + 100))
        while batch := list(itertools.islice(numbers, batch_records)):
            self._put_batch([(f"r{i:07d}" + "x" * padding, f"key-{i % keys}") for i in batch])
            self.put_n += len(batch)

    def _put_batch(self, batch):
        answer = self.kinesis.put_records(StreamName=self.name, Records=[
            {"Data": data.encode(), "PartitionKey": key} for data, key in batch])
        assert answer["FailedRecordCount"] == 0, answer
        for (data, key), put in zip(batch, answer["Records"]):
            self.by_shard[put["ShardId"]][int(put["SequenceNumber"])] = data
            self.by_key[key].append(data)

    def expected(self, shard):
        """What a consumer of this shard must see, in order: [(sequence number, data)]."""
        return sorted(self.by_shard[shard].items())

    def split(self, shard_id):
        shard = next(s for s in self.shards() if s["ShardId"] == shard_id)
        low, high = (int(shard["HashKeyRange"][k]) for k in ("StartingHashKey", "EndingHashKey"))
        self.kinesis.split_shard(StreamName=self.name, ShardToSplit=shard_id,
                                 NewStartingHashKey=str((low + high) // 2 + 1))
        self.wait_active()

    def merge(self, shard_id, adjacent_id):
        self.kinesis.merge_shards(StreamName=self.name, ShardToMerge=shard_id, AdjacentShardToMerge=adjacent_id)
        self.wait_active()


class Load:
    """Puts small batches from a thread until stopped."""

    def __init__(self, stream, batch=50, every_s=0.1):
        self.stream, self.batch, self.every_s = stream, batch, every_s
        self.ended = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while not self.ended.is_set():
                self.stream.put(self.batch)
                time.sleep(self.every_s)  # the pace of the load, not a wait for anything
        except Exception as e:  # pylint: disable=broad-except; shown by stop()
            self.failure = e

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(30)
        assert self.failure is None, f"the load failed: {self.failure}"
