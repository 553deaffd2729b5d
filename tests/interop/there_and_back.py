"""The way of a team that replaces its Java workers one by one, and goes back, with a crash of each kind on the way.

Java alone, both kinds beside each other while a shard splits and two merge, kcl-host alone, and Java again: all of it
under load, and with the next phase's workers started before the last phase ends.
"""

import time

from lib import journal, leases

import handovers
import logs
from fleet import FAILOVER_MS, RENEW_MS

JAVA_ROUND_S = 2 * (FAILOVER_MS + 25) / 1000  # of the 2.x taker; the leader of 3.x looks twice as often
STRANGE = {"strangeText": {"S": "of a later version"}, "strangeSet": {"SS": ["a", "b"]},
           "strangeMap": {"M": {"n": {"N": "1"}}}}


def make_strange(fleet):
    """Give each lease attributes that neither program knows."""
    for shard in fleet.watch.owners():
        fleet.dynamodb.update_item(
            TableName=fleet.table, Key={"leaseKey": {"S": shard}},
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in STRANGE),
            ExpressionAttributeValues={f":{name}": value for name, value in STRANGE.items()})


def settle(fleet):
    """Everything put until now is processed."""
    mark = fleet.stream.put_n
    fleet.until(lambda: fleet.notes.seen() >= mark, f"{mark} records to be processed")
    fleet.say("settled")


def owns(fleet, name, least=1):
    fleet.until(lambda: fleet.watch.owned(name) >= least, f"{name} to own {least} leases")
    fleet.say(f"{name} owns")


def gone(fleet, name):
    fleet.until(lambda: None not in fleet.watch.owners().values() and fleet.watch.owned(name) == 0,
                f"the leases of {name} to have other owners")
    fleet.say(f"all leases of {name} are taken over")


def steady(fleet):
    """Nothing changes hands for three rounds of Java."""
    fleet.until(lambda: time.monotonic() - fleet.watch.begun_at - fleet.watch.changes[-1][0] > 3 * JAVA_ROUND_S,
                "the owners to stay as they are")
    fleet.say(f"steady: {fleet.watch.owners()}")


def reshard(fleet, killed):
    """Split a shard of the Java daemon that is killed then, and merge two, of both kinds if there are such."""
    owners = fleet.watch.owners()
    shards = sorted(fleet.stream.open_shards(), key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    ids = [shard["ShardId"] for shard in shards]
    split = next(shard for shard in ids if owners[shard] == killed)
    pairs = [pair for pair in zip(ids, ids[1:]) if split not in pair]
    merged = max(pairs, key=lambda pair: len({fleet.kinds[owners[shard]] for shard in pair}))
    names = [f"{shard[-2:]} of {owners[shard]}" for shard in (split, *merged)]
    fleet.say(f"split {names[0]}, merge {names[1]} and {names[2]}")
    fleet.stream.split(split)
    fleet.kill(killed)
    fleet.stream.merge(*merged)
    new = {shard["ShardId"] for shard in fleet.stream.open_shards()} - set(ids)
    fleet.until(lambda: new <= set(fleet.notes.shards()), f"{new} to be begun")
    gone(fleet, killed)
    settle(fleet)
    steady(fleet)


def run(fleet):
    fleet.join_java("java-1")
    fleet.join_java("java-2")
    owns(fleet, "java-1")
    owns(fleet, "java-2")
    make_strange(fleet)
    settle(fleet)

    fleet.join_host("host-1")
    owns(fleet, "host-1")
    fleet.join_host("host-2")
    owns(fleet, "host-2")
    settle(fleet)
    # Not Java's leader: without one, no Java daemon takes anything for two to three minutes.
    killed, stays = ("java-2", "java-1") if fleet.leader() != "java-2" else ("java-1", "java-2")
    owns(fleet, killed)
    reshard(fleet, killed)
    owns(fleet, "host-1")
    fleet.kill("host-1")
    gone(fleet, "host-1")
    settle(fleet)
    owns(fleet, stays)
    fleet.stop(stays)
    fleet.join_java("java-3")  # takes its time to begin
    gone(fleet, stays)
    settle(fleet)

    fleet.join_host("host-3")
    owns(fleet, "host-3")
    settle(fleet)
    fleet.stop("host-2")
    gone(fleet, "host-2")
    fleet.until(lambda: "Initialization complete. Starting worker loop." in fleet.workers["java-3"].text(),
                "java-3 to have begun")
    settle(fleet)
    fleet.stop("host-3")
    gone(fleet, "host-3")
    settle(fleet)


def finish(fleet):
    """The load has ended: what is left is read, and nobody is running any more."""
    fleet.until(lambda: fleet.notes.seen() == fleet.stream.put_n, "all records")
    fleet.stop("java-3")


def check(fleet, figure):
    stream, notes = fleet.stream, fleet.notes
    sessions, repeats = journal.check_resumed(notes, stream, overlap_allowed=True)
    handovers.check_order_by_key(notes, stream)
    pairs = handovers.check_children_after_parents(notes, stream)
    found = handovers.handovers(notes, stream.by_shard)
    figure(f"Java {fleet.java_version}: {stream.put_n} records, {sessions} children, none skipped, each shard and key "
           f"in order, {pairs} pairs of parent and child in order, {repeats} repeated in {len(found)} hand-overs")
    for handover in found:
        figure(f"    {handover.at - fleet.watch.begun_at:5.1f} s: {handover}")
    window_s = (FAILOVER_MS + RENEW_MS) / 1000
    for (old, new), group in sorted(handovers.by_kind(found, fleet.kinds).items()):
        longest_s = max(handover.overlap_s for handover in group)
        figure(f"    {old} to {new}: {len(group)} hand-overs, {sum(h.repeats for h in group)} repeated, at most "
               f"{longest_s:.2f} s by both, {max(h.silence_s for h in group):.1f} s silent")
        assert longest_s <= (0 if old == new == "kcl-host" else window_s)
    assert fleet.watch.problems == []
    check_table(fleet)
    logs.check(fleet)


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
