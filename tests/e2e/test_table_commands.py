"""kcl-host table status, migrate, rollback, clean: on tables as 2.7.2, 3.1.3 and kcl-host write them."""

import itertools
import json
import re
import threading
import time
from pathlib import Path

import pytest

from lib import commands, leases, wait

DATA = Path(__file__).resolve().parents[1] / "data"
INDEX = "LeaseOwnerToLeaseKeyIndex"


@pytest.fixture
def run(binary, tmp_path, app):
    return commands.Commands(binary, tmp_path, app)


@pytest.fixture
def tables(dynamodb, app):
    return Tables(dynamodb.client, app["applicationName"])


class Tables:
    """Puts tables where kcl-host looks for them."""

    def __init__(self, client, application):
        self.client = client
        self.lease_table = application
        self.state_table = f"{application}-CoordinatorState"
        self.stats_table = f"{application}-WorkerMetricStats"

    def make(self, table, key, items=(), index=False):
        more = {}
        attributes = [{"AttributeName": key, "AttributeType": "S"}]
        if index:
            attributes.append({"AttributeName": "leaseOwner", "AttributeType": "S"})
            more["GlobalSecondaryIndexes"] = [{
                "IndexName": INDEX, "Projection": {"ProjectionType": "KEYS_ONLY"},
                "KeySchema": [{"AttributeName": "leaseOwner", "KeyType": "HASH"},
                              {"AttributeName": "leaseKey", "KeyType": "RANGE"}]}]
        self.client.create_table(TableName=table, KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                                 AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST", **more)
        for item in items:
            self.client.put_item(TableName=table, Item=item)

    def recorded(self, version):
        """The tables of a real Java fleet, as recorded."""
        held = json.loads((DATA / f"lease-table-java-{version}.json").read_text())
        self.make(self.lease_table, "leaseKey", held["leases"], index="index" in held)
        beside = DATA / f"coordinator-java-{version}.json"
        if beside.exists():
            held = json.loads(beside.read_text())
            self.make(self.state_table, "key", held["CoordinatorState"]["items"])
            self.make(self.stats_table, "wid", held["WorkerMetricStats"]["items"])

    def put(self, **item):
        """An item of the lease table."""
        self.client.put_item(TableName=self.lease_table, Item=item)

    def everything(self):
        """All tables' items, to show that nothing was written."""
        found = {}
        for table in self.client.list_tables()["TableNames"]:
            if table.startswith(self.lease_table):
                found[table] = sorted(json.dumps(item, sort_keys=True)
                                      for page in self.client.get_paginator("scan").paginate(TableName=table)
                                      for item in page["Items"])
        return found

    def version(self, table=None):
        table = table or self.lease_table
        key = "leaseKey" if table == self.lease_table else "key"
        return self.client.get_item(TableName=table, Key={key: {"S": "Migration3.0"}}).get("Item")

    def has_index(self):
        indexes = self.client.describe_table(TableName=self.lease_table)["Table"].get("GlobalSecondaryIndexes", [])
        return any(i["IndexName"] == INDEX for i in indexes)


def status(run, *more):
    return json.loads(run.ok("table", "status", "--json", *more))


def lease(key, owner=None, **more):
    item = {"leaseKey": {"S": key}, "leaseCounter": {"N": "7"}, "ownerSwitchesSinceCheckpoint": {"N": "0"},
            "checkpoint": {"S": "TRIM_HORIZON"}, "checkpointSubSequenceNumber": {"N": "0"}, **more}
    return {**item, "leaseOwner": {"S": owner}} if owner else item


def ours(key, owner):
    return lease(key, owner, kclHostHandoff={"S": owner})


def lines(text):
    """{first words: rest} of the lines that begin at the margin."""
    return dict(re.split(r"  +", line, maxsplit=1) for line in text.splitlines() if not line.startswith(" "))


# status


def test_status_without_a_table(run, tables):
    told = status(run)
    assert (told["tableStatus"], told["layout"], told["mode"], told["leases"]["total"]) == (None, "none", "2.x", 0)
    assert lines(run.ok("table", "status"))["lease table"].endswith(", does not exist")


def test_status_of_a_table_of_2_7_2(run, tables):
    tables.recorded("2.7.2")
    before = tables.everything()
    told = status(run)
    assert (told["tableStatus"], told["layout"], told["mode"]) == ("ACTIVE", "2.x", "2.x")
    assert (told["clientVersion"], told["tableMigration"], told["leader"]) == (None, None, None)
    assert (told["index"], told["reports"], told["stream"]) == ("absent", [], None)
    owners = told["leases"].pop("owners")
    assert sum(owners.values()) == 4 and all(owner.startswith("2.7.2-") for owner in owners)
    assert told["leases"] == {"total": 4, "owned": 4, "unowned": 0, "finished": 0, "inHandOff": 0, "withEntityType": 0,
                              "withThroughput": 0, "withKclHostHandoff": 0, "withKclHostStream": 0}
    text = lines(run.ok("table", "status"))
    assert text["layout"] == "2.x: leases alone"
    assert text["mode"] == "2.x"
    assert text["written by"] == "KCL 2.x, or nothing that tells more"
    assert text["leases"] == "4: 4 owned, 0 unowned, 0 finished, 0 in hand-off"
    assert tables.everything() == before


def test_status_of_tables_of_3_1_3(run, tables):
    tables.recorded("3.1.3")
    before = tables.everything()
    told = status(run, "--wait", "2")
    assert (told["layout"], told["mode"], told["index"]) == ("3.0-3.4", "3.x", "active")
    assert told["clientVersion"]["status"] == "CLIENT_VERSION_3X"
    assert told["clientVersion"]["by"] == "3.1.3-a"
    assert told["clientVersion"]["table"] == tables.state_table
    assert [h["status"] for h in told["clientVersion"]["history"]] == ["CLIENT_VERSION_INIT"]
    assert told["leader"] == {"worker": "3.1.3-a", "leaseDurationMillis": 120000, "released": False, "moved": False}
    assert [r["worker"] for r in told["reports"]] == ["3.1.3-a", "3.1.3-b"]
    assert not any(r["knowsSingleTable"] for r in told["reports"])
    assert told["leases"]["withThroughput"] == told["leases"]["total"] == 4
    text = lines(run.ok("table", "status"))
    assert text["layout"] == f"3.0-3.4: the fleet's state in {tables.state_table}, reports in {tables.stats_table}"
    assert text["mode"] == "3.x"
    assert text["client version"].startswith(f"CLIENT_VERSION_3X, in {tables.state_table}, set by 3.1.3-a at 20")
    assert text["leader"].startswith("3.1.3-a ")
    assert text["written by"].startswith("KCL 3.x")
    assert tables.everything() == before


def test_status_of_tables_of_3_1_3_on_the_way_from_2x(run, tables):
    tables.recorded("3.1.3-from-2x")
    told = status(run)
    assert (told["layout"], told["mode"], told["leader"]) == ("3.0-3.4", "2.x, on the way to 3.x", None)
    assert told["clientVersion"]["status"] == "CLIENT_VERSION_UPGRADE_FROM_2X"


def test_status_of_a_single_table_of_3_5(run, tables):
    now = int(time.time())
    tables.make(tables.lease_table, "leaseKey", [
        lease("shardId-0", "a", entityType={"S": "LEASE"}),
        lease("shardId-1", "b", checkpointOwner={"S": "a"}, entityType={"S": "LEASE"}),
        {**lease("shardId-2", entityType={"S": "LEASE"}), "checkpoint": {"S": "SHARD_END"}},
        {"leaseKey": {"S": "Leader"}, "entityType": {"S": "LEADER"}, "ownerName": {"S": "a"},
         "leaseDuration": {"S": "120000"}, "recordVersionNumber": {"S": "v1"}},
        {"leaseKey": {"S": "Migration3.0"}, "entityType": {"S": "CLIENT_VERSION_MIGRATION"},
         "cv": {"S": "CLIENT_VERSION_3X_WITH_ROLLBACK"}, "mb": {"S": "a"}, "mts": {"N": str(now * 1000)}},
        {"leaseKey": {"S": "a"}, "entityType": {"S": "WORKER_METRIC_STATS"}, "lut": {"N": str(now)},
         "sts": {"M": {"C": {"L": [{"N": "12.5"}]}}}, "opr": {"M": {"C": {"L": [{"N": "80"}]}}}, "sup": {"N": "1"},
         "slu": {"N": str(now)}},
        {"leaseKey": {"S": "s"}, "entityType": {"S": "STREAM"}, "streamId": {"S": "s"}},
        {"leaseKey": {"S": "new"}, "entityType": {"S": "SOMETHING_NEW"}},
        {"leaseKey": {"S": "broken"}, "leaseCounter": {"N": "1"}},
    ])
    told = status(run)
    assert (told["layout"], told["mode"]) == ("3.5", "3.x, can be rolled back")
    assert told["clientVersion"]["table"] == tables.lease_table
    assert told["leader"]["worker"] == "a" and told["leader"]["moved"] is None
    assert told["leases"]["owners"] == {"a": 2}  # of a hand-off the one who still works
    assert (told["leases"]["owned"], told["leases"]["unowned"], told["leases"]["finished"],
            told["leases"]["inHandOff"]) == (2, 1, 1, 1)
    assert (told["otherItems"], told["malformedItems"]) == (1, 1)
    report = told["reports"][0]
    assert report.pop("ageSeconds") <= 60
    assert report == {"worker": "a", "knowsSingleTable": True, "table": tables.lease_table, "metrics": 1}
    text = run.ok("table", "status")
    assert f"  {tables.lease_table}: lease broken: ownerSwitchesSinceCheckpoint is missing\n" in text
    assert re.search(r"^  a  \d+ s ago, C 12.5 %$", text, re.M)
    assert lines(text)["written by"].startswith("KCL 3.5 (entityType)")


def test_status_of_a_table_of_ours(stream, start, app, dynamodb, run):
    host = start({**app, "workerId": "we"})
    host.wait_for(lambda: list(leases.owners(dynamodb.client, app["applicationName"]).values()) == ["we"] * 4,
                  "all leases")
    told = status(run)
    assert (told["layout"], told["mode"], told["index"], told["clientVersion"]) == ("2.x", "2.x", "absent", None)
    assert told["leases"]["owners"] == {"we": 4}
    assert told["leases"]["withKclHostHandoff"] == told["leases"]["withKclHostStream"] == 4
    assert told["stream"].startswith(stream.arn + "@")
    assert lines(run.ok("table", "status"))["written by"] == "kcl-host (kclHostHandoff, kclHostStream)"
    host.terminate()


# migrate and rollback


def test_migrate_and_rollback_of_our_own_fleet(run, tables, exit_status):
    tables.make(tables.lease_table, "leaseKey", [ours("shardId-0", "we"), lease("shardId-1")], index=True)
    line = run.refused(exit_status["TEMPFAIL"], "table", "rollback")
    assert line == "there is no item Migration3.0: no migration was begun, so there is nothing to roll back"

    before = tables.everything()
    said = run.ok("table", "migrate", "--dry-run")
    assert f"table {tables.lease_table}, item Migration3.0: the client version would be " \
           "CLIENT_VERSION_UPGRADE_FROM_2X; it was none.\n" in said
    assert "10 minutes" in said and "kcl-host table rollback" in said
    assert tables.everything() == before

    assert "the client version is now CLIENT_VERSION_UPGRADE_FROM_2X; it was none." in run.ok("table", "migrate")
    item = tables.version()
    assert item["cv"] == {"S": "CLIENT_VERSION_UPGRADE_FROM_2X"}
    assert item["entityType"] == {"S": "CLIENT_VERSION_MIGRATION"}
    assert item["mb"] == {"S": "kcl-host-table-migrate"}
    assert abs(int(item["mts"]["N"]) / 1000 - time.time()) < 60
    assert [h["M"]["cv"]["S"] for h in item["h"]["L"]] == ["CLIENT_VERSION_INIT"]
    assert "is CLIENT_VERSION_UPGRADE_FROM_2X already" in run.ok("table", "migrate")
    assert tables.version() == item

    said = run.ok("table", "rollback", "--wait", "1")
    assert "the client version is now CLIENT_VERSION_2X; it was CLIENT_VERSION_UPGRADE_FROM_2X." in said
    assert f"The index {INDEX} is being deleted." in said
    # While it goes, DynamoDB Local answers some writes with an internal error.
    wait.until(lambda: not tables.has_index(), "the index to go")
    item = tables.version()
    assert item["cv"] == {"S": "CLIENT_VERSION_2X"} and item["mb"] == {"S": "kcl-host-table-rollback"}
    assert [h["M"]["cv"]["S"] for h in item["h"]["L"]] == ["CLIENT_VERSION_UPGRADE_FROM_2X", "CLIENT_VERSION_INIT"]
    assert "still CLIENT_VERSION_2X" in run.ok("table", "rollback", "--wait", "0")

    assert "the client version is now CLIENT_VERSION_UPGRADE_FROM_2X; it was CLIENT_VERSION_2X." in \
        run.ok("table", "migrate")
    run.ok("table", "rollback", "--wait", "0")
    assert "Migration3.0: the client version, deleted" in run.ok("table", "clean")
    assert tables.version() is None
    assert status(run)["layout"] == "2.x"


def test_rollback_keeps_ten_entries_of_history_and_goes_on_where_it_was_interrupted(run, tables):
    at = int(time.time() * 1000) - 3600_000
    history = [{"M": {"cv": {"S": "CLIENT_VERSION_2X"}, "mb": {"S": f"by-{i}"}, "mts": {"N": str(at - i)}}}
               for i in range(10)]
    tables.make(tables.lease_table, "leaseKey", [
        {"leaseKey": {"S": "Migration3.0"}, "entityType": {"S": "CLIENT_VERSION_MIGRATION"},
         "cv": {"S": "CLIENT_VERSION_3X_WITH_ROLLBACK"}, "mb": {"S": "java"}, "mts": {"N": str(at)},
         "h": {"L": history}}], index=True)
    run.ok("table", "rollback", "--wait", "0")
    item = tables.version()
    assert [h["M"]["mb"]["S"] for h in item["h"]["L"]] == ["java"] + [f"by-{i}" for i in range(9)]
    assert item["h"]["L"][0]["M"] == {"cv": {"S": "CLIENT_VERSION_3X_WITH_ROLLBACK"}, "mb": {"S": "java"},
                                      "mts": {"N": str(at)}}
    wait.until(lambda: not tables.has_index(), "the index to go")

    # Written an hour ago, but the index is still there: nothing is waited for any more.
    tables.client.update_table(
        TableName=tables.lease_table,
        AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"},
                              {"AttributeName": "leaseOwner", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": {
            "IndexName": INDEX, "Projection": {"ProjectionType": "KEYS_ONLY"},
            "KeySchema": [{"AttributeName": "leaseOwner", "KeyType": "HASH"},
                          {"AttributeName": "leaseKey", "KeyType": "RANGE"}]}}])
    wait.until(lambda: status(run)["index"] == "active", "the index")
    tables.put(**{**item, "mts": {"N": str(at)}})
    begun = time.monotonic()
    said = run.ok("table", "rollback")
    assert "still CLIENT_VERSION_2X" in said and "is being deleted" in said
    assert time.monotonic() - begun < 60
    wait.until(lambda: not tables.has_index(), "the index to go")


def test_a_living_fleet_goes_both_ways(stream, start, app, notes, dynamodb, run, tables):
    hosts = [start({**app, "workerId": worker, "failoverTimeMillis": "3000"}) for worker in ("a", "b")]
    hosts[0].wait_for(lambda: sorted(map(str, leases.owners(dynamodb.client, app["applicationName"]).values())) ==
                      ["a", "a", "b", "b"], "an even share", 90)
    run.ok("table", "migrate")
    hosts[0].wait_for(lambda: (told := status(run))["index"] == "active" and
                      [r["worker"] for r in told["reports"]] == ["a", "b"], "index and reports", 120)
    told = status(run)
    assert (told["layout"], told["mode"]) == ("3.5", "2.x, on the way to 3.x")
    assert all(r["knowsSingleTable"] for r in told["reports"])

    run.ok("table", "rollback", "--wait", "10")
    hosts[0].wait_for(lambda: not tables.has_index(), "the index to go", 60)
    stream.put(400)
    hosts[0].wait_for(lambda: notes.seen() == 400, "records to flow as before")
    told = status(run)
    assert (told["mode"], told["index"]) == ("2.x", "absent")
    assert sorted(told["leases"]["owners"]) == ["a", "b"]
    for host in hosts:
        assert host.terminate()[0] == 0


def test_migrate_where_java_3_1_3_keeps_its_state(run, tables):
    tables.recorded("3.1.3-from-2x")
    before = tables.everything()[tables.lease_table]
    assert "is now CLIENT_VERSION_2X; it was CLIENT_VERSION_UPGRADE_FROM_2X" in \
        run.ok("table", "rollback", "--wait", "0")
    item = tables.version(tables.state_table)
    assert item["cv"] == {"S": "CLIENT_VERSION_2X"}
    assert [h["M"]["cv"]["S"] for h in item["h"]["L"]] == ["CLIENT_VERSION_UPGRADE_FROM_2X", "CLIENT_VERSION_INIT"]
    assert f"table {tables.state_table}, item Migration3.0: the client version is now CLIENT_VERSION_UPGRADE_FROM_2X" in \
        run.ok("table", "migrate")
    assert tables.version(tables.state_table)["cv"] == {"S": "CLIENT_VERSION_UPGRADE_FROM_2X"}
    assert tables.everything()[tables.lease_table] == before


def test_migrate_refuses_what_would_end_java_workers(run, tables, exit_status):
    tables.recorded("2.7.2")
    before = tables.everything()
    for words in (("table", "migrate"), ("table", "migrate", "--dry-run")):
        line = run.refused(exit_status["TEMPFAIL"], *words)
        assert "would end KCL workers before 3.5" in line and "2.7.2-" in line and "--force" in line
    assert tables.everything() == before
    run.ok("table", "migrate", "--force", "--dry-run")
    assert tables.everything() == before
    run.ok("table", "migrate", "--force")
    assert tables.version()["cv"] == {"S": "CLIENT_VERSION_UPGRADE_FROM_2X"}


def test_migrate_takes_the_word_of_3_5_workers(run, tables):
    now = str(int(time.time()))
    tables.make(tables.lease_table, "leaseKey", [
        lease("shardId-0", "java"),
        {"leaseKey": {"S": "java"}, "entityType": {"S": "WORKER_METRIC_STATS"}, "lut": {"N": now}, "sts": {"M": {}},
         "opr": {"M": {}}, "sup": {"N": "1"}, "slu": {"N": now}}])
    run.ok("table", "migrate")
    assert tables.version()["cv"] == {"S": "CLIENT_VERSION_UPGRADE_FROM_2X"}


def test_from_3x_there_is_no_way_back(run, tables, exit_status):
    tables.recorded("3.1.3")
    before = tables.everything()
    assert "is CLIENT_VERSION_3X already" in run.ok("table", "migrate")
    line = run.refused(exit_status["TEMPFAIL"], "table", "rollback")
    assert line == "the client version is CLIENT_VERSION_3X: from there is no way back"
    line = run.refused(exit_status["TEMPFAIL"], "table", "clean")
    assert line.startswith("the client version is CLIENT_VERSION_3X: the fleet needs these items")
    assert tables.everything() == before and tables.has_index()


def test_a_version_nobody_knows_is_left_alone(run, tables, exit_status):
    tables.make(tables.lease_table, "leaseKey", [
        {"leaseKey": {"S": "Migration3.0"}, "entityType": {"S": "CLIENT_VERSION_MIGRATION"},
         "cv": {"S": "CLIENT_VERSION_4X"}}])
    for words in (("table", "migrate"), ("table", "rollback"), ("table", "clean")):
        line = run.refused(exit_status["TEMPFAIL"], *words)
        assert "a version this kcl-host does not know" in line
    assert status(run)["mode"] == "unknown"


@pytest.mark.parametrize("command", ["migrate", "rollback", "clean"])
def test_without_a_table(command, run, exit_status, app):
    line = run.refused(exit_status["UNAVAILABLE"], "table", command)
    assert line == f"lease table {app['applicationName']} does not exist"


def test_only_dynamodb_has_such_tables(binary, tmp_path, app, exit_status):
    run = commands.Commands(binary, tmp_path, {**app, "leaseStore": f"sqlite:{tmp_path}/leases"})
    assert "table is for leases in DynamoDB" in run.refused(exit_status["CONFIG"], "table", "status")


# clean


def rolled_back(tables, reported_s):
    """What Java 3.5 leaves among the leases after its roll-back."""
    tables.make(tables.lease_table, "leaseKey", [
        lease("shardId-0", "java"),
        {"leaseKey": {"S": "Leader"}, "entityType": {"S": "LEADER"}, "ownerName": {"S": "java"},
         "leaseDuration": {"S": "120000"}, "recordVersionNumber": {"S": "v1"}},
        {"leaseKey": {"S": "Migration3.0"}, "entityType": {"S": "CLIENT_VERSION_MIGRATION"},
         "cv": {"S": "CLIENT_VERSION_2X"}, "mb": {"S": "KclMigrationTool-rollback"}, "mts": {"N": "1"}},
        {"leaseKey": {"S": "TableMigration3.5"}, "entityType": {"S": "TABLE_MIGRATION"},
         "tm": {"S": "TABLE_MIGRATION_STATUS_COMPLETE"}, "mb": {"S": "java"}, "mts": {"N": "1"}},
        {"leaseKey": {"S": "java"}, "entityType": {"S": "WORKER_METRIC_STATS"}, "lut": {"N": str(reported_s)},
         "sts": {"M": {}}, "opr": {"M": {}}},
        {"leaseKey": {"S": "stream"}, "entityType": {"S": "STREAM"}, "streamId": {"S": "stream"}},
        {"leaseKey": {"S": "new"}, "entityType": {"S": "SOMETHING_NEW"}},
    ])


def test_clean_deletes_what_a_roll_back_leaves(run, tables):
    rolled_back(tables, int(time.time()) - 3600)
    before = tables.everything()
    said = run.ok("table", "clean", "--dry-run", "--wait", "1")
    assert said.count("would be deleted") == 5
    assert "new: of an unknown kind, left alone\n" in said
    assert tables.everything() == before

    said = run.ok("table", "clean", "--wait", "1").splitlines()
    assert sorted(said[:-2]) == ["Leader: the leader's lock, deleted", "TableMigration3.5: the table migration, deleted",
                                 "java: a worker's report, deleted", "new: of an unknown kind, left alone",
                                 "stream: a stream, deleted"]
    assert said[-2] == "Migration3.0: the client version, deleted"
    assert "start workers of KCL 2.x and kcl-hosts alone" in said[-1]
    assert sorted(leases.rows(tables.client, tables.lease_table)) == ["new", "shardId-0"]


def test_clean_waits_for_whoever_is_alive(run, tables, exit_status):
    rolled_back(tables, int(time.time()))
    before = tables.everything()
    line = run.refused(exit_status["TEMPFAIL"], "table", "clean", "--wait", "1")
    assert line.startswith("worker java reported ")
    assert tables.everything() == before
    tables.client.delete_item(TableName=tables.lease_table, Key={"leaseKey": {"S": "Migration3.0"}})
    line = run.refused(exit_status["TEMPFAIL"], "table", "clean", "--wait", "1")
    assert line.startswith("worker java reported ")


def test_clean_leaves_a_leader_alone(run, tables, exit_status):
    rolled_back(tables, int(time.time()) - 3600)
    ended = threading.Event()

    def renew():
        for i in itertools.count():
            if ended.wait(0.1):
                return
            tables.client.update_item(TableName=tables.lease_table, Key={"leaseKey": {"S": "Leader"}},
                                      UpdateExpression="SET recordVersionNumber = :v",
                                      ExpressionAttributeValues={":v": {"S": f"v{i}"}})
    thread = threading.Thread(target=renew)
    thread.start()
    try:
        line = run.refused(exit_status["TEMPFAIL"], "table", "clean")
        told = status(run, "--wait", "20")["leader"]
    finally:
        ended.set()
        thread.join(30)
    assert line == "worker java leads the fleet: its lock was just renewed"
    assert told["moved"] is True
    assert len(leases.rows(tables.client, tables.lease_table)) == 7


def test_clean_of_a_clean_table(run, tables):
    tables.recorded("2.7.2")
    assert run.ok("table", "clean") == "The lease table holds leases alone.\n"
