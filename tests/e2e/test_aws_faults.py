"""AWS on a bad day: throttles, server errors, expired iterators, lost answers. And signatures, on any day."""

from lib import front, journal, leases, streams


def every(n, *faults):
    """Fail each n-th request of an operation, with the faults in turn; never the first, which start-up needs."""
    def rule(operation, before):
        nth = before + 1
        return faults[nth // n % len(faults)] if nth % n == 0 else None
    return rule


def test_every_request_is_signed_as_aws_wants(stream, start, app, notes, kinesis, dynamodb):
    stream.put(400)
    with front.Front(kinesis.endpoint) as streams_front, front.Front(dynamodb.endpoint) as table_front:
        host = start({**app, "kinesisEndpoint": streams_front.endpoint, "dynamoDBEndpoint": table_front.endpoint})
        host.wait_for(lambda: notes.seen() == 400, "all records")
        assert host.terminate()[0] == 0
        assert streams_front.problems + table_front.problems == []
        assert {"ListShards", "GetShardIterator", "GetRecords"} <= set(streams_front.operations)
        assert {"CreateTable", "PutItem", "UpdateItem", "Scan"} <= set(table_front.operations)
    journal.check_exactly_once(notes, stream)


def test_kinesis_faults_lose_and_repeat_nothing(stream, start, app, notes, kinesis, figure):
    rule = every(3, "ProvisionedThroughputExceededException", "InternalFailure", "ExpiredIteratorException", front.LOSE)
    with front.Front(kinesis.endpoint, rule) as bad:
        host = start({**app, "kinesisEndpoint": bad.endpoint, "maxRecords": "100",
                      "idleTimeBetweenReadsInMillis": "200"})
        with streams.Load(stream):
            host.wait_for(lambda: notes.seen() >= 1000, "1,000 records", 120)
        host.wait_for(lambda: notes.seen() == stream.put_n, "the rest", 120)
        assert host.terminate()[0] == 0
        reads = bad.operations.count("GetRecords")
    journal.check_exactly_once(notes, stream)
    for shard in stream.by_shard:
        assert len(notes.sessions(shard)) == 1
    figure(f"every third Kinesis request failing: {stream.put_n} records once and in order in {reads} reads")


def test_lost_answers_of_dynamodb_lose_no_lease(stream, start, app, notes, dynamodb, figure):
    """Each third update is carried out but its answer is lost: an unknown, not a failure."""
    def rule(operation, before):
        return front.LOSE if operation == "UpdateItem" and before % 3 == 2 else None

    with front.Front(dynamodb.endpoint, rule) as bad:
        host = start({**app, "dynamoDBEndpoint": bad.endpoint, "failoverTimeMillis": "3000"})
        with streams.Load(stream):
            host.wait_for(lambda: bad.operations.count("UpdateItem") >= 60, "sixty updates", 120)
        host.wait_for(lambda: notes.seen() == stream.put_n, "all records", 120)
        status, _ = host.terminate()
        updates = bad.operations.count("UpdateItem")
    assert status == 0
    sessions, repeats = journal.check_resumed(notes, stream)
    assert sessions == len(stream.by_shard), "a lease was given up although it was ours all the time"
    figure(f"every third DynamoDB update's answer lost ({updates} updates): {sessions} children for 4 shards, "
           f"{repeats} records repeated")


def test_a_throttled_lease_table_is_survived(stream, start, app, notes, dynamodb):
    rule = every(3, "ProvisionedThroughputExceededException", "InternalFailure")
    with front.Front(dynamodb.endpoint, rule) as bad:
        host = start({**app, "dynamoDBEndpoint": bad.endpoint, "failoverTimeMillis": "5000"})
        stream.put(1000)
        host.wait_for(lambda: notes.seen() == 1000, "all records", 120)
        assert host.terminate()[0] == 0
    journal.check_resumed(notes, stream)
    assert set(leases.owners(dynamodb.client, app["applicationName"]).values()) == {None}
