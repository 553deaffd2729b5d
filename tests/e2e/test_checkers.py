"""The checkers of lib/journal.py themselves: each lets what is right pass and notices one way to be wrong."""

import json
from types import SimpleNamespace

import pytest

from lib import journal

SHARD = "shardId-000000000000"
STREAM = SimpleNamespace(by_shard={SHARD: {}}, expected=lambda shard: [(n, f"d{n}") for n in range(10, 16)])


@pytest.fixture
def write(tmp_path):
    """write(pid, "init 12", "13", "ask 13", "done 13", …) appends to the journal."""
    def lines(pid, *events):
        with open(tmp_path / f"{SHARD}.jsonl", "a", encoding="ascii") as file:
            for event in events:
                word, _, number = event.rpartition(" ")
                line = {"pid": pid, "at": 1.0, "sequence": number}
                line |= {"": {"event": "record", "data": f"d{number}"}, "init": {"event": "initialize"},
                         "ask": {"event": "checkpoint.asked"}, "done": {"event": "checkpoint.done"},
                         "no": {"event": "checkpoint.refused", "error": "ShutdownException"}}[word]
                file.write(json.dumps(line) + "\n")
        return journal.Journal(tmp_path)
    return lines


def records(*numbers):
    return [str(n) for n in numbers]


def test_all_once_in_order_passes(write):
    journal.check_exactly_once(write(1, "init TRIM_HORIZON", *records(*range(10, 16))), STREAM)


@pytest.mark.parametrize("numbers", [(10, 11, 13, 14, 15), (10, 12, 11, 13, 14, 15), (10, 11, 11, 12, 13, 14, 15),
                                     (10, 11, 12, 13, 14)], ids=["skipped", "swapped", "repeated", "short"])
def test_not_exactly_once_is_noticed(numbers, write):
    with pytest.raises(AssertionError):
        journal.check_exactly_once(write(1, "init TRIM_HORIZON", *records(*numbers)), STREAM)


def test_a_resumption_at_the_checkpoint_passes(write):
    write(1, "init TRIM_HORIZON", *records(10, 11), "ask 11", "done 11", *records(12, 13))
    notes = write(2, "init 11", *records(12, 13, 14, 15))
    assert journal.check_resumed(notes, STREAM) == (2, 2)


def test_a_checkpoint_whose_answer_was_lost_passes(write):
    write(1, "init TRIM_HORIZON", *records(10, 11), "ask 11")
    journal.check_resumed(write(2, "init 11", *records(12, 13, 14, 15)), STREAM)


@pytest.mark.parametrize("second", [
    ("init 12", *records(13, 14, 15)),
    ("init TRIM_HORIZON", *records(10, 11, 12, 13, 14, 15)),
    ("init 11", *records(13, 14, 15)),
    ("init 11", *records(12, 14, 13, 15)),
    ("init 11", *records(12, 13, 14)),
], ids=["past the checkpoint", "before the checkpoint", "skips", "swaps", "ends early"])
def test_a_wrong_resumption_is_noticed(second, write):
    write(1, "init TRIM_HORIZON", *records(10, 11), "ask 11", "done 11", *records(12))
    with pytest.raises(AssertionError):
        journal.check_resumed(write(2, *second), STREAM)


def test_a_refused_checkpoint_is_none(write):
    write(1, "init TRIM_HORIZON", *records(10, 11), "ask 10", "done 10", "ask 11", "no 11")
    with pytest.raises(AssertionError):
        journal.check_resumed(write(2, "init 11", *records(12, 13, 14, 15)), STREAM)


def test_two_at_a_time_are_noticed(write):
    write(1, "init TRIM_HORIZON", *records(10, 11), "ask 11", "done 11")
    write(2, "init 11", *records(12, 13))
    write(1, *records(12))
    with pytest.raises(AssertionError):
        journal.check_resumed(write(2, *records(14, 15)), STREAM)


def test_an_older_checkpoint_passes_only_for_those_who_may_be_late(write):
    write(1, "init TRIM_HORIZON", *records(10, 11), "ask 11", "done 11", *records(12), "ask 12", "done 12")
    notes = write(2, "init 11", *records(12, 13, 14, 15))
    assert journal.check_resumed(notes, STREAM, late=[None]) == (2, 1)
    with pytest.raises(AssertionError):
        journal.check_resumed(notes, STREAM, late=["java"])


def test_who_may_be_late_may_not_be_early(write):
    write(1, "init TRIM_HORIZON", *records(10, 11), "ask 11", "done 11", *records(12))
    with pytest.raises(AssertionError):
        journal.check_resumed(write(2, "init 12", *records(13, 14, 15)), STREAM, late=[None])
