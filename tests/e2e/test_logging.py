"""What is said while all is well: the Java daemon says over a hundred lines a minute with nothing to do."""

import time

from lib import streams

WATCHED_S = 60  # the promise is about a minute
BATCHES = 1000


def lines(host):
    return host.text().splitlines()


def wait_settled(host, notes, shards):
    """Every shard has a child that has been through its first words."""
    host.wait_for(lambda: all(any(line["event"] == "initialize" for line in notes.lines(shard)) for shard in shards),
                  "a child for each shard")


def test_an_idle_host_says_at_most_5_lines_a_minute(stream, start, app, notes, figure):
    host = start(app)
    wait_settled(host, notes, [shard["ShardId"] for shard in stream.shards()])
    before = len(lines(host))
    time.sleep(WATCHED_S)  # the promise is about time
    said = lines(host)[before:]
    figure(f"idle, 4 shards: {before} lines for the start, {len(said)} in the {WATCHED_S} s after it")
    assert host.why_over() is None
    assert len(said) <= 5, "\n".join(said)
    assert host.terminate()[0] == 0


def test_a_thousand_batches_add_no_line(kinesis, name, start, app, notes, figure):
    stream = streams.Stream(kinesis.client, name, 16)
    host = start({**app, "maxRecords": "1", "initialPositionInStream": "TRIM_HORIZON"})
    wait_settled(host, notes, [shard["ShardId"] for shard in stream.shards()])
    before = len(lines(host))
    stream.put(BATCHES)
    host.wait_for(lambda: notes.seen() == BATCHES, "all records", 180)
    said = lines(host)[before:]
    batches = sum(line["event"] == "processRecords" and line["records"] > 0 for shard in notes.shards()
                  for line in notes.lines(shard))
    figure(f"{batches} batches of one record, each checkpointed: {len(said)} lines")
    assert batches >= BATCHES
    assert said == [], "\n".join(said)
    assert host.terminate()[0] == 0
