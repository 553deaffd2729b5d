"""Split and merge while running: parents first, children after them, nothing skipped."""

from lib import journal, leases, streams


def ended_at(notes, shard):
    (session,) = [s for s in notes.sessions(shard) if s.saw("shardEnded")]
    return max(at for _, at in session.events)


def check_children_after_parents(notes, stream):
    """A child's first line comes after its parents' last; and a parent's child process saw shardEnded."""
    checked = 0
    for shard in stream.shards():
        parents = [shard[k] for k in ("ParentShardId", "AdjacentParentShardId") if k in shard]
        for parent in parents:
            begun = notes.sessions(shard["ShardId"])[0].at
            assert begun > ended_at(notes, parent), f"{shard['ShardId']} began before {parent} had ended"
            checked += 1
    return checked


def check_order_by_key(notes, stream):
    """Over all shards and in the order of time, each partition key's records are as they were put."""
    seen = sorted((at, data) for shard in notes.shards() for _, data, at in notes.records(shard))
    by_data = {data: i for i, (_, data) in enumerate(seen)}
    assert len(by_data) == len(seen), "a record was repeated"
    for key, put in stream.by_key.items():
        places = [by_data[data] for data in put]
        assert places == sorted(places), f"{key}: out of order"


def test_split_and_merge_while_running(stream, start, app, notes, dynamodb, figure):
    host = start({**app, "parentShardPollIntervalMillis": "1000"})
    host.wait_for(lambda: len(notes.shards()) == 4, "four children")
    with streams.Load(stream):
        host.wait_for(lambda: notes.seen() >= 200, "records to flow")
        stream.split("shardId-000000000000")
        stream.merge("shardId-000000000001", "shardId-000000000002")
        host.wait_for(lambda: len(notes.shards()) == 7, "the new shards to start")
        size = stream.put_n
        host.wait_for(lambda: notes.seen() >= size + 200, "records from the new shards")
        left, right = (s["ShardId"] for s in stream.shards() if s.get("ParentShardId") == "shardId-000000000000")
        stream.merge(left, right)
        host.wait_for(lambda: len(notes.shards()) == 8, "the grandchild to start")
        size = stream.put_n
        host.wait_for(lambda: notes.seen() >= size + 200, "records from it")
    host.wait_for(lambda: notes.seen() == stream.put_n, f"all {stream.put_n} records")
    found = leases.leases(dynamodb.client, app["applicationName"])
    status, _ = host.terminate()
    assert status == 0
    journal.check_exactly_once(notes, stream)
    pairs = check_children_after_parents(notes, stream)
    check_order_by_key(notes, stream)
    check_leases(found, stream)
    figure(f"split, merge, merge of the halves under load: {stream.put_n} records once and in order per key, "
           f"{pairs} parent-child pairs in order")


def check_leases(found, stream):
    shards = {s["ShardId"]: s for s in stream.shards()}
    children = {}
    for shard in shards.values():
        for parent in (shard.get(k) for k in ("ParentShardId", "AdjacentParentShardId")):
            children.setdefault(parent, set()).add(shard["ShardId"])
    for key, item in found.items():
        parents = {shards[key][k] for k in ("ParentShardId", "AdjacentParentShardId") if k in shards[key]}
        assert set(item.get("parentShardId", {"SS": []})["SS"]) == parents
        assert item["startingHashKey"]["S"] == shards[key]["HashKeyRange"]["StartingHashKey"]
        assert item["endingHashKey"]["S"] == shards[key]["HashKeyRange"]["EndingHashKey"]
        if key in children:
            assert item["checkpoint"]["S"] == "SHARD_END"
            assert set(item["childShardIds"]["SS"]) == children[key]


def test_a_stream_resharded_before_the_first_start(stream, start, app, notes):
    stream.put(200)
    stream.split("shardId-000000000003")
    stream.put(200)
    host = start({**app, "parentShardPollIntervalMillis": "1000"})
    host.wait_for(lambda: notes.seen() == 400, "all records of parents and children")
    status, _ = host.terminate()
    assert status == 0
    journal.check_exactly_once(notes, stream)
    assert check_children_after_parents(notes, stream) == 2
    check_order_by_key(notes, stream)


def test_the_host_killed_around_a_shard_end(stream, start, app, notes):
    """The end of a shard is several writes; a crash between them must not lose the children."""
    app = {**app, "workerId": "the-one", "failoverTimeMillis": "3000", "parentShardPollIntervalMillis": "500"}
    host = start(app)
    host.wait_for(lambda: len(notes.shards()) == 4, "four children")
    stream.put(400)
    shards = 4
    for parent in [f"shardId-{i:012d}" for i in range(4)]:
        stream.split(parent)
        shards += 2
        stream.put(200)
        host.wait_for(lambda p=parent: any(s.saw("shardEnded") for s in notes.sessions(p)), "the end of the parent")
        host.kill()
        host.wait_no_children()
        host = start(app)
        host.wait_for(lambda n=shards: len(notes.shards()) == n, f"{shards} shards to have started")
    host.wait_for(lambda: notes.seen() == stream.put_n, "all records")
    host.terminate()
    for shard in stream.by_shard:
        distinct = sorted({(seq, data) for seq, data, _ in notes.records(shard)})
        assert distinct == stream.expected(shard)
