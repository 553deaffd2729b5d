"""The way of a team that replaces its Java workers one by one, and goes back, with a crash of each kind on the way.

Java alone, both kinds beside each other while a shard splits and two merge, kcl-host alone, and Java again: all of it
under load.
"""

import checks


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
    fleet.until(lambda: new <= set(fleet.notes.shards()), f"{sorted(new)} to be begun")
    fleet.gone(killed)
    fleet.settle()


def java_alone(fleet):
    fleet.join_java("java-1")
    fleet.join_java("java-2")
    fleet.owns("java-1")
    fleet.owns("java-2")
    checks.make_strange(fleet)
    fleet.settle()


def mixed(fleet):
    """Returns the Java daemon that is left."""
    fleet.join_host("host-1")
    fleet.owns("host-1")
    fleet.join_host("host-2")
    fleet.owns("host-2")
    fleet.settle()
    # Not Java's leader: without one, no Java daemon takes anything for two to three minutes.
    killed, stays = ("java-2", "java-1") if fleet.watch.leader() != "java-2" else ("java-1", "java-2")
    fleet.owns(killed)
    reshard(fleet, killed)
    return stays


def java_leaves(fleet, stays):
    """stays: the last Java daemon."""
    fleet.owns("host-1")
    fleet.kill("host-1")
    fleet.gone("host-1")
    fleet.settle()
    fleet.owns(stays)
    fleet.stop(stays)
    fleet.gone(stays)
    fleet.settle()


def kcl_host_alone(fleet):
    fleet.join_host("host-3")
    fleet.owns("host-3")
    fleet.settle()
    fleet.stop("host-2")
    fleet.gone("host-2")
    fleet.settle()


def back_to_java(fleet):
    fleet.join_java("java-3")
    fleet.owns("java-3")
    fleet.settle()
    fleet.stop("host-3")
    fleet.gone("host-3")
    fleet.settle()
