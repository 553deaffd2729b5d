"""Three kcl-hosts and twelve shards in the mode of KCL 3.x: one leads and gives leases to all.

The lease table holds everything the fleet shares, as with KCL 3.5.
"""

import signal

import pytest

from lib import fleet as fleet_module, journal, leases, streams, wait

SHARDS_N = 12
LED = {"clientVersionConfig": "CLIENT_VERSION_CONFIG_3X", "workerMetricsReporterFreqInMillis": 5000,
       "leaseAssignmentIntervalMillis": 5000, "assignment": "balanced"}


@pytest.fixture
def stream(kinesis, name):
    return streams.Stream(kinesis.client, name, SHARDS_N)


@pytest.fixture
def fleet(start, app, dynamodb, notes, stream):
    return fleet_module.Fleet(start, {**app, **LED}, dynamodb, notes, stream)


def item(fleet, key):
    return fleet.dynamodb.client.get_item(TableName=fleet.app["applicationName"], Key={"leaseKey": {"S": key}},
                                          ConsistentRead=True).get("Item")


def test_one_leads_and_a_third_gets_its_share(stream, fleet, figure):
    with streams.Load(stream):
        joined_s = fleet.join_third()
        leader = leases.text(item(fleet, "Leader"), "ownerName")
        assert leader in fleet.hosts
        assert leases.text(item(fleet, "Migration3.0"), "cv") == "CLIENT_VERSION_3X"
        assert all(item(fleet, worker) for worker in fleet.hosts)
        rested_s = fleet.remove(leader, signal.SIGTERM)
        fleet.wait_balanced()
        assert leases.text(item(fleet, "Leader"), "ownerName") in fleet.hosts
        assert item(fleet, leader) is None
    figure(f"led by one: 4/4/4 {joined_s:.1f} s after the third was started, the leader's shards rest for "
           f"{fleet_module.percentile(rested_s, 50):.1f} s when it stops, {max(rested_s):.1f} s at most")
    fleet.finish()
    journal.check_exactly_once(fleet.notes, stream)
    assert item(fleet, "Leader") is None
    assert joined_s < 60 * wait.PATIENCE
