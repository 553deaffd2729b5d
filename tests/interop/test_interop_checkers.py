"""The checkers of this suite themselves: each lets what is right pass and notices what is wrong."""

import json
from types import SimpleNamespace

import pytest

from lib import journal

import handovers
import logs

SHARD, CHILD = "shardId-000000000000", "shardId-000000000001"
KINDS = {"java-1": "java", "host-1": "kcl-host", "host-2": "kcl-host"}


@pytest.fixture
def notes(tmp_path):
    """notes((shard, worker, begun at, [(record, at), …]), …): a journal of one child each."""
    def write(*children):
        lines = []
        for pid, (shard, worker, begun, records) in enumerate(children):
            line = {"pid": pid, "at": begun, "sequence": "TRIM_HORIZON", "event": "initialize", "worker": worker}
            lines.append((begun, shard, line))
            for number, at in records:
                line = {"pid": pid, "at": at, "sequence": str(number), "event": "record", "data": f"d{number}"}
                if number == "end":
                    line = {"pid": pid, "at": at, "event": "shardEnded"}
                lines.append((at, shard, line))
        for _, shard, line in sorted(lines, key=lambda entry: entry[0]):
            with open(tmp_path / f"{shard}.jsonl", "a", encoding="ascii") as file:
                file.write(json.dumps(line) + "\n")
        return journal.Journal(tmp_path)
    return write


def too_long(notes, window_s):
    return handovers.too_long(handovers.handovers(notes, [SHARD]), KINDS, window_s)


def test_a_handover_is_measured(notes):
    (found,) = handovers.handovers(notes((SHARD, "java-1", 1.0, [(10, 1.5), (11, 4.0)]),
                                         (SHARD, "host-1", 3.0, [(11, 5.0), (12, 5.5)])), [SHARD])
    assert (found.old, found.new, found.repeats, found.overlap_s, found.silence_s) == ("java-1", "host-1", 1, 1.0, 1.0)


def test_java_may_overlap_for_as_long_as_it_does_with_java(notes):
    both = notes((SHARD, "java-1", 1.0, [(10, 1.5), (11, 4.0)]), (SHARD, "host-1", 3.0, [(11, 5.0)]))
    assert too_long(both, 1.5) == []
    assert len(too_long(both, 0.5)) == 1


def test_kcl_hosts_may_not_overlap(notes):
    both = notes((SHARD, "host-1", 1.0, [(10, 1.5), (11, 3.1)]), (SHARD, "host-2", 3.0, [(11, 5.0)]))
    assert len(too_long(both, 9)) == 1


def test_a_third_worker_does_not_hide_an_overlap(notes):
    three = notes((SHARD, "host-1", 1.0, [(10, 1.5), (11, 9.0)]), (SHARD, "java-1", 3.0, [(11, 4.0)]),
                  (SHARD, "host-2", 5.0, [(12, 6.0)]))
    assert len(too_long(three, 9)) == 1


@pytest.mark.parametrize("second, well", [([(11, 2.0), (12, 3.0)], True), ([(12, 2.0), (11, 3.0)], False)])
def test_the_order_by_key(second, well, notes):
    both = notes((SHARD, "host-1", 1.0, [(10, 1.5)]), (CHILD, "java-1", 1.6, second))
    stream = SimpleNamespace(by_key={"key": ["d10", "d11", "d12"]})
    if well:
        handovers.check_order_by_key(both, stream)
    else:
        with pytest.raises(AssertionError):
            handovers.check_order_by_key(both, stream)


@pytest.mark.parametrize("begun, well", [(3.0, True), (1.8, False)])
def test_children_begin_after_their_parents_end(begun, well, notes):
    both = notes((SHARD, "java-1", 1.0, [(10, 1.5), ("end", 2.0)]), (CHILD, "host-1", begun, [(11, 4.0)]))
    stream = SimpleNamespace(shards=lambda: [{"ShardId": SHARD}, {"ShardId": CHILD, "ParentShardId": SHARD}])
    if well:
        assert handovers.check_children_after_parents(both, stream) == 1
    else:
        with pytest.raises(AssertionError):
            handovers.check_children_after_parents(both, stream)


QUIET = "2026-11-25 15:10:00,884 [main] INFO  s.a.k.l.d.DynamoDBLeaseRenewer [NONE] - Worker a lost lease \n"
LOUD = ("2026-11-25 15:10:01,884 [main] ERROR s.a.k.l.d.DynamoDBLeaseTaker [NONE] - Could not take \n"
        "software.amazon.kinesis.leases.exceptions.DependencyException: null\n\tat x.y(Z.java:1)\n")
TRACE = "2026-11-25 15:10:02,884 [main] INFO  s.a.k.l.d.DynamoDBLeaseTaker [NONE] - Odd \njava.lang.RuntimeException\n"
EXPLAINED = ("2026-11-25 15:10:03,884 [Thread-1] ERROR s.a.k.multilang.MultiLangDaemon [NONE] - Encountered an error "
             "during shutdown. \njava.util.concurrent.TimeoutException: null\n")


def said(kind, text):
    fleet = SimpleNamespace(workers={"w": SimpleNamespace(text=lambda: text)}, kinds={"w": kind})
    return logs.complaints(fleet, []).get("w", [])


def test_complaints_of_java():
    assert said("java", QUIET + EXPLAINED + QUIET) == []
    assert said("java", QUIET + LOUD + EXPLAINED + TRACE + QUIET) == [LOUD.rstrip(), TRACE.rstrip()]


def test_complaints_of_kcl_host():
    assert said("kcl-host", "info host.started worker=a\nwarn hold.taken shard=b\n") == []
    assert said("kcl-host", "info host.started\nerror store.failed why=c\n") == ["error store.failed why=c"]
