"""Leases know which stream they are of: another stream under the same application name, or one that was deleted and
made again, is refused at once and nothing is written."""

import json
import time
from pathlib import Path

from lib import front, leases, streams, wait

from test_bad_input import ends_with

JAVA = Path(__file__).resolve().parents[1] / "data" / "lease-table-java-3.1.3.json"
MARK = "kclHostStream"


def marks(dynamodb, app):
    return {leases.text(item, MARK) for item in leases.leases(dynamodb.client, app["applicationName"]).values()}


def mark_of(stream):
    summary = stream.kinesis.describe_stream_summary(StreamName=stream.name)["StreamDescriptionSummary"]
    return f"{summary['StreamARN']}@{int(summary['StreamCreationTimestamp'].timestamp())}"


def consumed(stream, start, app, notes):
    """A first run that leaves its leases behind."""
    stream.put(200)
    host = start(app)
    host.wait_for(lambda: notes.seen() == 200, "all records")
    assert host.terminate()[0] == 0


def made_again(kinesis, stream):
    """The same name, another stream: created at least a second later, which is what its time is told in."""
    before = mark_of(stream)
    kinesis.client.delete_stream(StreamName=stream.name, EnforceConsumerDeletion=True)

    def make():
        try:
            return streams.Stream(kinesis.client, stream.name)
        except (kinesis.client.exceptions.ResourceInUseException, kinesis.client.exceptions.LimitExceededException):
            return None  # still being deleted
    again = wait.until(make, "the stream to be made again", every_s=0.2)
    while mark_of(again) == before:
        kinesis.client.delete_stream(StreamName=stream.name)
        again = wait.until(make, "the stream to be made once more", every_s=0.5)
    return again


def refused(start, app, dynamodb, figure, exit_status, *words, arguments=()):
    """Refused in under two seconds with these words; the table stays as it was."""
    before = leases.rows(dynamodb.client, app["applicationName"])
    host = start(app, arguments=arguments)
    line = ends_with(host, exit_status["CONFIG"], app["applicationName"], "--adopt", "applicationName",
                     "kcl-host leases reset", *words)
    took_s = time.monotonic() - host.started_at
    assert took_s < 2 * wait.PATIENCE
    assert leases.rows(dynamodb.client, app["applicationName"]) == before
    figure(f"guard: refused after {took_s:.2f} s")
    return line


def test_another_stream_under_the_same_application_name(stream, kinesis, start, app, notes, dynamodb, figure,
                                                        exit_status):
    consumed(stream, start, app, notes)
    assert marks(dynamodb, app) == {mark_of(stream)}
    other = streams.Stream(kinesis.client, stream.name + "-other", shards=2)

    line = refused(start, {**app, "streamName": other.name}, dynamodb, figure, exit_status)
    for one in (stream, other):
        assert f"stream/{one.name} created 20" in line, line
    # The right one goes on.
    stream.put(200)
    host = start(app)
    host.wait_for(lambda: notes.seen() == 400, "the rest")
    assert host.terminate()[0] == 0


def test_the_stream_was_deleted_and_made_again(stream, kinesis, start, app, notes, dynamodb, figure, exit_status):
    consumed(stream, start, app, notes)
    old = mark_of(stream)
    again = made_again(kinesis, stream)

    refused(start, app, dynamodb, figure, exit_status)
    assert marks(dynamodb, app) == {old}

    # --adopt takes the leases, as they are, for the new stream, for good.
    before = leases.checkpoints(dynamodb.client, app["applicationName"])
    host = start(app, arguments=["--adopt"])
    host.wait_event("store.leases_adopted.*leases=4")
    host.wait_event("host.started")
    assert marks(dynamodb, app) == {mark_of(again)}
    host.terminate()
    assert leases.checkpoints(dynamodb.client, app["applicationName"]) == before
    host = start(app)
    host.wait_event("host.started")
    assert host.terminate()[0] == 0


def denied(operation, _):
    return "AccessDeniedException" if operation == "DescribeStreamSummary" else None


def test_without_the_right_to_describe_streams_the_guard_is_off_and_says_so(stream, kinesis, start, app, notes,
                                                                            dynamodb):
    with front.Front(kinesis.endpoint, denied) as aws:
        consumed(stream, start, {**app, "kinesisEndpoint": aws.endpoint}, notes)
        host = start({**app, "kinesisEndpoint": aws.endpoint})
        host.wait_event(r"^warn host.stream_not_told guard=off why=.*DescribeStreamSummary: AccessDeniedException")
        host.wait_event("host.started")
        assert host.terminate()[0] == 0
    assert marks(dynamodb, app) == {None}


def test_without_that_right_the_arn_of_the_settings_is_the_guard(stream, kinesis, start, app, notes, dynamodb, figure,
                                                                 exit_status):
    arn = stream.arn
    other = streams.Stream(kinesis.client, stream.name + "-other", shards=2)
    with front.Front(kinesis.endpoint, denied) as aws:
        watched = {**app, "kinesisEndpoint": aws.endpoint, "streamArn": arn}
        consumed(stream, start, watched, notes)
        assert marks(dynamodb, app) == {arn}
        line = refused(start, {**watched, "streamArn": other.arn, "streamName": other.name}, dynamodb, figure, exit_status)
        assert f"belongs to stream {arn}, not to {other.arn};" in line
    # Who may ask, and learns more, still takes it for the same.
    host = start(app)
    host.wait_event("host.started")
    assert host.terminate()[0] == 0


def test_leases_that_java_wrote_are_accepted_and_marked_when_taken(stream, start, app, dynamodb):
    recorded = json.loads(JAVA.read_text())
    table = app["applicationName"]
    dynamodb.client.create_table(TableName=table, KeySchema=recorded["key_schema"], BillingMode="PAY_PER_REQUEST",
                                 AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}])
    for item in recorded["leases"]:
        item = {**item, "checkpoint": {"S": "TRIM_HORIZON"}}
        dynamodb.client.put_item(TableName=table, Item=item)
    assert marks(dynamodb, app) == {None}

    host = start({**app, "failoverTimeMillis": "1000"})
    host.wait_for(lambda: marks(dynamodb, app) == {mark_of(stream)}, "each to be taken and marked")
    assert host.terminate()[0] == 0
    assert marks(dynamodb, app) == {mark_of(stream)}


def test_a_file_has_no_guard(start, app, tmp_path, dynamodb):
    folder = tmp_path / "stream"
    folder.mkdir()
    (folder / "shards.json").write_text(json.dumps({"Shards": [{
        "ShardId": "shardId-000000000000", "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "9"},
        "SequenceNumberRange": {"StartingSequenceNumber": "1"}}]}))
    host = start({**app, "source": f"file:{folder}"})
    host.wait_for(lambda: marks(dynamodb, app) == {None}, "the lease")
    assert host.terminate()[0] == 0


def test_a_lease_of_another_stream_that_appears_later_is_left_alone(stream, start, app, dynamodb):
    """Two applications of one name that start on an empty table at the same moment see each other only then."""
    host = start({**app, "workerId": "ours"})
    host.wait_for(lambda: set(leases.owners(dynamodb.client, app["applicationName"]).values()) == {"ours"},
                  "all leases")
    shard = sorted(stream.shards(), key=lambda s: s["ShardId"])[0]["ShardId"]
    dynamodb.client.update_item(
        TableName=app["applicationName"], Key={"leaseKey": {"S": shard}},
        UpdateExpression=f"SET {MARK} = :m, leaseOwner = :o ADD leaseCounter :one",
        ExpressionAttributeValues={":m": {"S": "arn:aws:kinesis:us-east-1:000000000000:stream/other@1700000000"},
                                   ":o": {"S": "theirs"}, ":one": {"N": "1"}})
    host.wait_event(f"lease.malformed.*{shard} belongs to stream .*stream/other created 2023-11-14T22:13:20Z, not to")
    status, _ = host.terminate()
    assert status == 0
    assert leases.owners(dynamodb.client, app["applicationName"])[shard] == "theirs"
