"""From the journal of all processors: who handed which shard to whom, and what that cost."""

from collections import defaultdict
from dataclasses import dataclass


@dataclass
class Handover:
    """From one child of a shard to the next."""
    shard: str
    old: str  # worker
    new: str
    at: float  # when the new child began
    repeats: int  # records of the new child that an earlier one had seen
    silence_s: float  # between the last record before and the first one after
    overlap_s: float  # from the new child's first word to the last record that an earlier one still saw
    beside: str  # that one's worker

    def __str__(self):
        overlap = f", {self.overlap_s:.2f} s beside {self.beside}" if self.overlap_s > 0 else ""
        return (f"{self.shard[-2:]} {self.old} > {self.new}: {self.repeats} repeated, silent {self.silence_s:.1f} s"
                f"{overlap}")


def handover_of(shard, earlier, new):
    seen = {seq for session in earlier for seq, _, _ in session.records}
    begun = new.records[0][2]
    before = [at for session in earlier for _, _, at in session.records if at < begun]
    last, beside = max((session.records[-1][2], session.worker) for session in earlier if session.records)
    return Handover(shard, earlier[-1].worker, new.worker, new.at, sum(seq in seen for seq, _, _ in new.records),
                    begun - max(before), max(0.0, last - new.at), beside)


def handovers(notes, shards):
    """All of them, in the order of time. A child that saw no record is none."""
    found = []
    for shard in shards:
        sessions = [session for session in notes.sessions(shard) if session.records]
        found.extend(handover_of(shard, sessions[:i], sessions[i]) for i in range(1, len(sessions)))
    return sorted(found, key=lambda h: h.at)


def by_kind(found, kinds):
    """{(kind of the old worker, kind of the new one): [hand-over]}"""
    groups = defaultdict(list)
    for handover in found:
        groups[kinds[handover.beside if handover.overlap_s else handover.old], kinds[handover.new]].append(handover)
    return groups


def summary(found, kinds):
    return [f"{old} to {new}: {len(group)} hand-overs, {sum(h.repeats for h in group)} repeated, at most "
            f"{max(h.overlap_s for h in group):.2f} s by both, {max(h.silence_s for h in group):.1f} s silent"
            for (old, new), group in sorted(by_kind(found, kinds).items())]


def too_long(found, kinds, java_window_s):
    """Hand-overs during which two workers processed a shard for longer than they may: kcl-hosts never do."""
    return [str(handover) for (old, new), group in by_kind(found, kinds).items() for handover in group
            if handover.overlap_s > (0 if old == new == "kcl-host" else java_window_s)]


def check_children_after_parents(notes, stream):
    """A child shard's first process begins after its parents' ends were told. Returns the pairs looked at."""
    pairs = 0
    for shard in stream.shards():
        for parent in (shard[key] for key in ("ParentShardId", "AdjacentParentShardId") if key in shard):
            ended = min(at for s in notes.sessions(parent) for event, at in s.events if event == "shardEnded")
            begun = notes.sessions(shard["ShardId"])[0].at
            assert begun > ended, f"{shard['ShardId']} began before {parent} had ended"
            pairs += 1
    return pairs


def check_order_by_key(notes, stream):
    """Over all shards, each partition key's records were first seen in the order in which they were put."""
    first = {}
    for at, data in sorted((at, data) for shard in notes.shards() for _, data, at in notes.records(shard)):
        first.setdefault(data, at)
    for key, put in stream.by_key.items():
        times = [first[data] for data in put]
        assert times == sorted(times), f"{key}: out of order"
