"""kcl-host leases list, assign, release, reset: living owners are asked or left alone, dead ones are not waited for."""

import json
import re
import threading

import pytest

from lib import commands, leases, wait

FAILOVER_MS = 2000


@pytest.fixture
def run(binary, tmp_path, app):
    return commands.Commands(binary, tmp_path, {**app, "failoverTimeMillis": str(FAILOVER_MS)})


def shards(stream):
    return sorted(s["ShardId"] for s in stream.shards())


def begin(start, app, worker):
    return start({**app, "failoverTimeMillis": str(FAILOVER_MS), "workerId": worker})


def all_owned_by(dynamodb, app, worker, n=4):
    return list(leases.owners(dynamodb.client, app["applicationName"]).values()) == [worker] * n


def put_owner(dynamodb, app, shard, owner):
    """As a Java worker that takes or renews a lease."""
    values = {":o": {"S": owner}, ":one": {"N": "1"}}
    dynamodb.client.update_item(TableName=app["applicationName"], Key={"leaseKey": {"S": shard}},
                                UpdateExpression="SET leaseOwner = :o ADD leaseCounter :one", ExpressionAttributeValues=values)


def test_list(stream, start, app, dynamodb, run):
    stream.put(100)
    host = begin(start, app, "first")
    host.wait_for(lambda: all_owned_by(dynamodb, app, "first"), "all leases")
    lines = run.ok("leases", "list").splitlines()
    assert lines[0].split() == ["LEASE", "OWNER", "COUNTER", "CHECKPOINT"]
    assert [line.split()[:2] for line in lines[1:]] == [[shard, "first"] for shard in shards(stream)]

    host.terminate()
    stored = leases.leases(dynamodb.client, app["applicationName"])
    told = {one["lease"]: one for one in json.loads(run.ok("leases", "list", "--json"))}
    assert sorted(told) == shards(stream)
    for key, one in told.items():
        assert one["owner"] is None and one["checkpointOwner"] is None and one["handsOver"] is False
        assert one["counter"] == int(stored[key]["leaseCounter"]["N"])
        assert one["checkpoint"] == stored[key]["checkpoint"]["S"]
        assert one["startingHashKey"] == stored[key]["startingHashKey"]["S"]


def test_assign_hands_over_between_living_hosts(stream, start, app, notes, dynamodb, run):
    first = begin(start, app, "first")
    first.wait_for(lambda: all_owned_by(dynamodb, app, "first"), "all leases")
    second = begin(start, app, "second")
    second.wait_for(lambda: sorted(leases.owners(dynamodb.client, app["applicationName"]).values()) ==
                    ["first", "first", "second", "second"], "an even share", 90)
    shard = next(k for k, v in leases.owners(dynamodb.client, app["applicationName"]).items() if v == "first")
    said = run.ok("leases", "assign", shard, "second")
    assert re.match(rf"lease {shard}: handed over from first to second after \d+\.\d s", said), said
    assert f"lease {shard}: is second's already" in run.ok("leases", "assign", shard, "second")
    assert first.terminate()[0] == 0
    assert second.terminate()[0] == 0


def test_assign_gives_a_free_lease_to_a_worker_and_leaves_java_owners_alone(stream, start, app, dynamodb, run,
                                                                            exit_status):
    host = begin(start, app, "first")
    host.wait_for(lambda: all_owned_by(dynamodb, app, "first"), "all leases")
    host.terminate()
    one, two, three = shards(stream)[:3]
    before = leases.rows(dynamodb.client, app["applicationName"])

    assert run.ok("leases", "assign", one, "w9") == f"lease {one}: assigned to w9; it had no owner\n"
    now = leases.rows(dynamodb.client, app["applicationName"])[one]
    assert now["leaseOwner"] == {"S": "w9"}
    assert int(now["leaseCounter"]["N"]) == int(before[one]["leaseCounter"]["N"]) + 1
    assert now["checkpoint"] == before[one]["checkpoint"]

    # Owned by somebody who is gone: after failoverTimeMillis without a sign of life.
    put_owner(dynamodb, app, two, "dead")
    assert run.ok("leases", "assign", two, "w9") == f"lease {two}: assigned to w9; it had an owner that is gone: dead\n"

    # Owned by somebody alive who is no kcl-host.
    with Heart(dynamodb, app, three, "java"):
        line = run.refused(exit_status["TEMPFAIL"], "leases", "assign", three, "w9")
        assert f"lease {three}: its owner java is alive" in line, line
        line = run.refused(exit_status["TEMPFAIL"], "leases", "release", three)
        assert f"lease {three}: its owner java is alive" in line, line
        line = run.refused(exit_status["TEMPFAIL"], "leases", "reset")
        assert "renewed just now" in line and "java" in line, line
    assert leases.owners(dynamodb.client, app["applicationName"])[three] == "java"

    line = run.refused(exit_status["UNAVAILABLE"], "leases", "assign", "shardId-9", "w9")
    assert line == f"there is no lease shardId-9 in lease table {app['applicationName']}"


class Heart:
    """Renews a lease like its living owner while the `with` block runs."""

    def __init__(self, dynamodb, app, shard, owner):
        self.what = dynamodb, app, shard, owner
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._beat, daemon=True)

    def _beat(self):
        dynamodb, app, shard, _ = self.what
        while not self.ended.wait(0.1):
            dynamodb.client.update_item(TableName=app["applicationName"], Key={"leaseKey": {"S": shard}},
                                        UpdateExpression="ADD leaseCounter :one",
                                        ExpressionAttributeValues={":one": {"N": "1"}})

    def __enter__(self):
        put_owner(*self.what)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(30)


def test_assign_asks_a_java_owner_once_the_fleet_is_in_3x_mode(stream, start, app, dynamodb, run):
    host = begin(start, app, "first")
    host.wait_for(lambda: all_owned_by(dynamodb, app, "first"), "all leases")
    host.terminate()
    table = app["applicationName"]
    dynamodb.client.create_table(TableName=f"{table}-CoordinatorState", BillingMode="PAY_PER_REQUEST",
                                 KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
                                 AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}])
    dynamodb.client.put_item(TableName=f"{table}-CoordinatorState",
                             Item={"key": {"S": "Migration3.0"}, "cv": {"S": "CLIENT_VERSION_3X"}})
    shard = shards(stream)[0]
    said = []
    with Heart(dynamodb, app, shard, "java"):
        thread = threading.Thread(target=lambda: said.append(run("leases", "assign", shard, "w9")))
        thread.start()
        asked = wait.until(lambda: (r := leases.rows(dynamodb.client, table)[shard]).get("checkpointOwner") and r,
                           "the owner to be asked")
        assert (asked["checkpointOwner"], asked["leaseOwner"]) == ({"S": "java"}, {"S": "w9"})
        # What a Java owner does once its processor has answered shutdownRequested.
        dynamodb.client.update_item(TableName=table, Key={"leaseKey": {"S": shard}},
                                    UpdateExpression="REMOVE checkpointOwner ADD leaseCounter :one",
                                    ExpressionAttributeValues={":one": {"N": "1"}})
        thread.join(60)
    assert said[0].status == 0
    assert f"lease {shard}: handed over from java to w9 after" in said[0].out


def test_release(stream, start, app, dynamodb, run):
    host = begin(start, app, "first")
    host.wait_for(lambda: all_owned_by(dynamodb, app, "first"), "all leases")
    host.kill()
    shard = shards(stream)[0]
    assert run.ok("leases", "release", shard) == f"lease {shard}: released; its owner first is gone\n"
    assert leases.owners(dynamodb.client, app["applicationName"])[shard] is None
    assert run.ok("leases", "release", shard) == f"lease {shard}: has no owner\n"


def test_reset_begins_anew(stream, start, app, notes, dynamodb, run):
    stream.put(200)
    host = begin(start, app, "first")
    host.wait_for(lambda: notes.seen() == 200, "all records")
    host.kill()  # the leases stay owned, by somebody dead
    before = leases.rows(dynamodb.client, app["applicationName"])

    said = run.ok("leases", "reset", "--dry-run")
    assert "4 leases would be deleted" in said
    assert leases.rows(dynamodb.client, app["applicationName"]) == before
    said = run.ok("leases", "reset", "--to", "LATEST", "--dry-run")
    assert "4 leases would be set to LATEST" in said
    assert leases.rows(dynamodb.client, app["applicationName"]) == before

    assert "4 leases set to TRIM_HORIZON\n" in run.ok("leases", "reset", "--to", "TRIM_HORIZON")
    for key, item in leases.rows(dynamodb.client, app["applicationName"]).items():
        assert item["checkpoint"] == {"S": "TRIM_HORIZON"} and "kclHostStream" not in item
        assert "leaseOwner" not in item
        assert int(item["leaseCounter"]["N"]) == int(before[key]["leaseCounter"]["N"]) + 1
    host = begin(start, app, "first")
    host.wait_for(lambda: sum(len(notes.records(shard)) for shard in notes.shards()) == 400, "everything once more")
    host.terminate()

    said = run.ok("leases", "reset")
    assert "4 leases deleted; the next start makes them anew, at initialPositionInStream = LATEST\n" in said
    assert leases.rows(dynamodb.client, app["applicationName"]) == {}
    assert "0 leases deleted" in run.ok("leases", "reset")


def test_on_sqlite_and_without_a_table(stream, start, app, binary, tmp_path, run, exit_status):
    line = run.refused(exit_status["UNAVAILABLE"], "leases", "list")
    assert line == f"lease table {app['applicationName']} does not exist"

    local = {**app, "leaseStore": f"sqlite:{tmp_path}/leases", "failoverTimeMillis": str(FAILOVER_MS)}
    there = commands.Commands(binary, tmp_path, local)
    host = begin(start, local, "first")
    host.wait_for(lambda: there("leases", "list").out.count(" first ") == 4, "all leases")
    host.terminate()
    shard = shards(stream)[0]
    assert there.ok("leases", "assign", shard, "w9") == f"lease {shard}: assigned to w9; it had no owner\n"
    assert "4 leases set to LATEST" in there.ok("leases", "reset", "--to", "LATEST")
    assert "4 leases deleted" in there.ok("leases", "reset")

    memory = commands.Commands(binary, tmp_path, {**app, "leaseStore": "memory"})
    line = memory.refused(exit_status["CONFIG"], "leases", "list")
    assert line == "leaseStore = memory: its leases are known to one process alone"


def test_unknown_sub_commands(run, exit_status):
    done = run("leases", "eat")
    assert done.status == exit_status["USAGE"]
    assert "there is no sub-command leases eat; there are list, assign, release, reset" in done.err
