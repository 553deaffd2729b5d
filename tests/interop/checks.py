"""What must hold after every way that two kinds of workers go together."""

from lib import journal, leases

import handovers
import logs
from fleets import FAILOVER_MS, RENEW_MS

STRANGE = {"strangeText": {"S": "of a later version"}, "strangeSet": {"SS": ["a", "b"]},
           "strangeMap": {"M": {"n": {"N": "1"}}}}


def make_strange(fleet):
    """Give each lease attributes that neither program knows."""
    for shard in fleet.watch.owners():
        fleet.dynamodb.update_item(
            TableName=fleet.table, Key={"leaseKey": {"S": shard}},
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in STRANGE),
            ExpressionAttributeValues={f":{name}": value for name, value in STRANGE.items()})


def check(fleet, title, figure, host_may_say=()):
    stream, notes = fleet.stream, fleet.notes
    sessions, repeats = journal.check_resumed(notes, stream, True, fleet.of_kind("java"))
    handovers.check_order_by_key(notes, stream)
    pairs = handovers.check_children_after_parents(notes, stream)
    found = handovers.handovers(notes, stream.by_shard)
    figure(f"{title}: {stream.put_n} records, {sessions} children, none skipped, each shard and key in order, "
           f"{pairs} pairs of parent and child in order, {repeats} repeated in {len(found)} hand-overs")
    for handover in found:
        figure(f"    {handover.at - fleet.watch.begun_at:5.1f} s: {handover}")
    for line in handovers.summary(found, fleet.kinds):
        figure(f"    {line}")
    assert handovers.too_long(found, fleet.kinds, (FAILOVER_MS + RENEW_MS) / 1000) == []
    assert fleet.watch.problems == []
    check_table(fleet)
    assert logs.complaints(fleet, host_may_say) == {}


def check_table(fleet):
    """All is read, and what neither program knows is as it was."""
    rows = leases.leases(fleet.dynamodb, fleet.table)
    for shard in fleet.stream.shards():
        row = rows[shard["ShardId"]]
        ended = "EndingSequenceNumber" in shard["SequenceNumberRange"]
        assert leases.text(row, "checkpoint") == (
            "SHARD_END" if ended else str(fleet.stream.expected(shard["ShardId"])[-1][0]))
        if "ParentShardId" not in shard:
            assert {name: row[name] for name in STRANGE} == STRANGE
