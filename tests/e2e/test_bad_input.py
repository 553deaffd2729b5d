"""What is wrong from outside: one clear sentence, a documented exit status, nothing written, nothing left running."""


import pytest

from lib import front, leases

QUICK_S = 30  # to notice and say it; nothing here may take the retries of a long outage


def ends_with(host, status, *words, limit_s=QUICK_S):
    """The host ends with this status and one error line that has all the words."""
    got = host.wait_exit(limit_s)
    errors = [line for line in host.err_path.read_text().splitlines() if is_complaint(line)]
    assert got == status, f"status {got}, expected {status}:\n{host.text()[-3000:]}"
    matching = [line for line in errors if all(word in line for word in words)]
    assert len(matching) == 1, f"no one line with {words}:\n{host.text()[-3000:]}"
    assert len(matching[0]) < 600
    assert "Traceback" not in host.text() and "Assertion" not in host.text()
    host.wait_no_children()
    return matching[0]


def is_complaint(line):
    """A line an operator must act on: the log's error level, or the plain sentence before there is a log."""
    return line.startswith(("error ", "kcl-host:")) or " error " in line[:40]


def nothing_written(dynamodb, app):
    assert not leases.exists(dynamodb.client, app["applicationName"])


# The command line and the properties file.


def test_properties_file_missing(start, tmp_path, exit_status):
    ends_with(start(tmp_path / "none.properties"), exit_status["NOINPUT"], "none.properties")


def test_properties_file_is_a_folder(start, tmp_path, exit_status):
    ends_with(start(tmp_path), exit_status["NOINPUT"], str(tmp_path))


def test_unknown_option(start, app, exit_status):
    ends_with(start(app, arguments=["--no-such-option"]), exit_status["USAGE"], "--no-such-option")


@pytest.mark.parametrize("key, value", [
    ("initialPositionInStream", "SOMEWHERE"),
    ("maxRecords", "many"),
    ("kinesisEndpoint", "http://bad host/"),
    ("applicationName", ""),
    ("executableName", ""),
    ("leaseStore", "papyrus:/tmp/x"),
    ("AwsCredentialsProvider", "NoSuchProvider"),
])
def test_malformed_property(key, value, stream, start, app, dynamodb, exit_status):
    ends_with(start({**app, key: value}), exit_status["CONFIG"], key)
    nothing_written(dynamodb, app)


def test_all_malformed_properties_are_named_at_once(start, app, exit_status):
    host = start({**app, "initialPositionInStream": "SOMEWHERE", "retrievalMode": "CARRIER_PIGEON"})
    assert host.wait_exit(QUICK_S) == exit_status["CONFIG"]
    lines = host.text().splitlines()
    for word in ("SOMEWHERE", "CARRIER_PIGEON"):
        assert len([line for line in lines if word in line and "app0.properties" in line]) == 1, host.text()


def test_malformed_escape_names_the_line(start, tmp_path, exit_status):
    file = tmp_path / "bad.properties"
    file.write_text("applicationName = x\nstreamName = \\u12g4\n")
    ends_with(start(file), exit_status["CONFIG"], "bad.properties:2")


def test_an_unknown_key_is_warned_about_with_the_nearest_known(stream, start, app, notes):
    stream.put(100)
    host = start({**app, "failoverTimeMilis": "3000"})
    host.wait_for(lambda: notes.seen() == 100, "all records")
    warnings = [line for line in host.text().splitlines() if "failoverTimeMilis" in line]
    assert len(warnings) == 1
    assert "failoverTimeMillis?" in warnings[0]


# The processor.


def test_executable_missing(stream, start, app, dynamodb, exit_status):
    ends_with(start({**app, "executableName": "no_such_processor.py"}), exit_status["CONFIG"], "no_such_processor.py",
              "executableName")
    nothing_written(dynamodb, app)


def test_executable_not_executable(stream, start, app, dynamodb, tmp_path, exit_status):
    plain = tmp_path / "plain.py"
    plain.write_text("#!/bin/sh\n")
    plain.chmod(0o644)
    ends_with(start({**app, "executableName": str(plain)}), exit_status["CONFIG"], "plain.py", "executable")
    nothing_written(dynamodb, app)


# AWS.


def test_unknown_stream(start, app, dynamodb, exit_status):
    ends_with(start({**app, "streamName": "no-such-stream"}), exit_status["UNAVAILABLE"], "no-such-stream")
    nothing_written(dynamodb, app)


def test_no_region(start, app, dynamodb, exit_status):
    ends_with(start({**app, "regionName": None}), exit_status["CONFIG"], "region")
    nothing_written(dynamodb, app)


def test_wrong_region(start, app, dynamodb, exit_status):
    with front.Front(rule=front.always("InvalidSignatureException")) as aws:
        host = start({**app, "regionName": "mars-1", "kinesisEndpoint": aws.endpoint})
        ends_with(host, exit_status["NOPERM"], "mars-1", front.FAULTS["InvalidSignatureException"][1])
    nothing_written(dynamodb, app)


def test_stream_in_another_region(start, app, dynamodb, exit_status):
    """The usual face of a wrong region: valid keys, and no such stream there."""
    with front.Front(rule=front.always("ResourceNotFoundException")) as aws:
        host = start({**app, "regionName": "eu-west-1", "kinesisEndpoint": aws.endpoint})
        ends_with(host, exit_status["UNAVAILABLE"], app["streamName"], "eu-west-1")
    nothing_written(dynamodb, app)


def test_wrong_credentials(start, app, dynamodb, exit_status):
    with front.Front(rule=front.always("UnrecognizedClientException")) as aws:
        ends_with(start({**app, "kinesisEndpoint": aws.endpoint}), exit_status["NOPERM"], "security token")
    nothing_written(dynamodb, app)


def test_no_credentials(start, app, dynamodb, exit_status, tmp_path):
    host = start(app, {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "HOME": str(tmp_path)})
    ends_with(host, exit_status["NOPERM"], "credentials", "AWS_ACCESS_KEY_ID")
    nothing_written(dynamodb, app)


def test_stream_without_rights(start, app, dynamodb, exit_status):
    with front.Front(rule=front.always("AccessDeniedException")) as aws:
        ends_with(start({**app, "kinesisEndpoint": aws.endpoint}), exit_status["NOPERM"], "not authorized",
                  app["streamName"])
    nothing_written(dynamodb, app)


def test_table_without_rights(stream, start, app, exit_status):
    with front.Front(rule=front.always("AccessDeniedException")) as aws:
        host = start({**app, "dynamoDBEndpoint": aws.endpoint})
        ends_with(host, exit_status["NOPERM"], "not authorized", app["applicationName"])
    assert not set(aws.operations) & {"PutItem", "UpdateItem", "DeleteItem"}


def test_secrets_are_never_said(start, app, dynamodb):
    with front.Front(rule=front.always("UnrecognizedClientException")) as aws:
        host = start({**app, "kinesisEndpoint": aws.endpoint, "logLevel": "debug"},
                     {"AWS_SECRET_ACCESS_KEY": "TopSecretKey", "AWS_SESSION_TOKEN": "TopSecretToken"})
        host.wait_exit(QUICK_S)
    assert "TopSecret" not in host.text()
    nothing_written(dynamodb, app)


@pytest.mark.parametrize("endpoint", ["kinesisEndpoint", "dynamoDBEndpoint"])
def test_a_service_that_is_not_there(endpoint, stream, start, app, dynamodb, exit_status):
    """Asked again for a while, as machines boot in any order; then an end that says what was missing."""
    host = start({**app, endpoint: "http://127.0.0.1:1"})
    ends_with(host, exit_status["UNAVAILABLE"], "127.0.0.1:1", limit_s=120)
    nothing_written(dynamodb, app)


def test_a_stop_while_waiting_for_a_service(start, app):
    host = start({**app, "kinesisEndpoint": "http://127.0.0.1:1"})
    host.wait_event("127.0.0.1:1", QUICK_S)
    status, took = host.terminate()
    assert status == 0
    assert took < 5


# A row of the lease table that no KCL wrote so.


def test_corrupt_lease_item(stream, start, app, notes, dynamodb, exit_status):
    host = start(app)
    host.wait_for(lambda: len(notes.shards()) == 4, "four children")
    host.terminate()
    table, key = app["applicationName"], "shardId-000000000002"
    dynamodb.client.update_item(TableName=table, Key={"leaseKey": {"S": key}},
                                UpdateExpression="SET #c = :c REMOVE leaseCounter",
                                ExpressionAttributeNames={"#c": "checkpoint"},
                                ExpressionAttributeValues={":c": {"S": "forty-two"}})
    before = leases.leases(dynamodb.client, table)[key]
    stream.put(400)
    sizes = len(notes.lines(key))
    host = start(app)
    others = {s: r for s, r in stream.by_shard.items() if s != key}
    host.wait_for(lambda: all(len({q for q, _, _ in notes.records(s)}) == len(r) for s, r in others.items()),
                  "the records of the sound leases")
    status, _ = host.terminate()
    complaints = [line for line in host.text().splitlines() if key in line and is_complaint(line)]
    assert status == 0
    assert complaints and all(table in line or "leaseCounter" in line or "checkpoint" in line for line in complaints)
    assert len(complaints) <= 3, "the same complaint over and over"
    assert leases.leases(dynamodb.client, table)[key] == before
    assert len(notes.lines(key)) == sizes


# What KCL 3.5 keeps beside the leases, and what a later one might.
FOREIGN = [{"leaseKey": {"S": "Leader"}, "entityType": {"S": "LEADER"}, "ownerName": {"S": "somebody"},
            "leaseDuration": {"S": "120000"}, "recordVersionNumber": {"S": "b2f0"}},
           {"leaseKey": {"S": "some-worker"}, "entityType": {"S": "WORKER_METRIC_STATS"}, "lut": {"N": "1700000000"},
            "sts": {"M": {}}, "opr": {"M": {}}},
           {"leaseKey": {"S": "of-a-later-version"}, "entityType": {"S": "SOMETHING_ELSE"}, "x": {"BOOL": True}}]


def test_items_that_are_no_leases(stream, start, app, notes, dynamodb):
    host = start(app)
    host.wait_for(lambda: len(notes.shards()) == 4, "four children")
    for item in FOREIGN:
        dynamodb.client.put_item(TableName=app["applicationName"], Item=item)
    assert host.terminate()[0] == 0
    stream.put(400)
    host = start(app)
    host.wait_for(lambda: notes.seen() == 400, "all records")
    assert host.terminate()[0] == 0
    rows = leases.rows(dynamodb.client, app["applicationName"])
    assert [rows.pop(item["leaseKey"]["S"]) for item in FOREIGN] == FOREIGN
    assert sorted(rows) == sorted(stream.by_shard)
    assert [line for line in host.text().splitlines() if is_complaint(line)] == []
