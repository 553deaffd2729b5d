"""What becomes of a shard whose processor fails, or forgets something, by the settings."""

import re

import pytest

from test_file_source import NO_KEYS, Files

VICTIM = "shardId-000000000001"


@pytest.fixture
def run(start, tmp_path, notes):  # notes makes the folder of the journal
    def begin(kind, properties, environment=None, arguments=()):
        base = {"executableName": "hostile.py", "streamArn": None, "streamName": None, "applicationName": "supervised",
                "AwsCredentialsProvider": None, "regionName": None, "source": f"file:{tmp_path / 'stream'}",
                "leaseStore": f"sqlite:{tmp_path / 'leases.db'}", "childRestartMinMillis": "50",
                "childRestartMaxMillis": "200"}
        return start({**base, **properties}, {**NO_KEYS, "KH_HOSTILE": kind, "KH_VICTIM": VICTIM, **(environment or {})},
                     arguments)
    return begin


def files_of(tmp_path, closed=False, shards=2):
    files = Files(tmp_path / "stream", closed, shards)
    for shard in files.wanted:
        files.add(100, shard)
    return files


def test_exit_is_javas_way(run, tmp_path):
    files_of(tmp_path)
    host = run("die_in_checkpoint", {"onProcessorFailure": "exit"})
    assert host.wait_exit() == 1, host.text()
    host.wait_no_children()
    assert len(re.findall("error consumer.child_ends_the_worker", host.text())) == 1, host.text()


@pytest.mark.parametrize("how", [{"onProcessorFailure": "release"}, {"childRestartLimit": "3"}])
def test_a_shard_that_fails_here_may_work_elsewhere(how, run, tmp_path, notes):
    files = files_of(tmp_path)
    first = run("exit_at_once", {**how, "workerId": "first"}, {"KH_AT": "first"})
    first.wait_event(f"error consumer.given_up shard={VICTIM} retry_in_ms=300000 remedy=")
    second = run("exit_at_once", {**how, "workerId": "second"}, {"KH_AT": "first"})
    second.wait_for(lambda: files.all_seen(notes), "what the first worker could not do")
    (session,) = second.wait_for(lambda: [s for s in notes.sessions(VICTIM) if s.acked], "its checkpoint")
    assert session.start == "TRIM_HORIZON"
    starts = len(re.findall(f"child.started shard={VICTIM}", first.text()))
    assert starts == (3 if "childRestartLimit" in how else 1)
    assert first.terminate()[0] == 0
    assert second.terminate()[0] == 0


def test_a_shard_that_was_given_up_is_tried_again(run, tmp_path):
    files_of(tmp_path)
    host = run("exit_at_once", {"childRestartLimit": "2", "shardRetryMillis": "1500"})
    host.wait_for(lambda: len(re.findall("error consumer.given_up", host.text())) == 2, "the second time")
    assert len(re.findall(f"child.started shard={VICTIM}", host.text())) == 4
    assert host.terminate()[0] == 0


def test_a_forgotten_end_is_said_once_with_what_to_do(run, tmp_path):
    files_of(tmp_path, closed=True)
    host = run("forget_the_end", {})
    host.wait_for(lambda: len(re.findall("warn consumer.child_offered_again", host.text())) >= 3, "three offers")
    said = [line for line in host.text().splitlines() if "error consumer.shard_end_without_checkpoint" in line]
    assert len(said) == 1, host.text()
    assert VICTIM in said[0] and "checkpointOnShardEnd = auto" in said[0]
    assert host.terminate()[0] == 0


def test_a_forgotten_end_may_be_stored_all_the_same(run, tmp_path):
    files_of(tmp_path, closed=True)
    host = run("forget_the_end", {"checkpointOnShardEnd": "auto"}, arguments=["--exit-when-done"])
    assert host.wait_exit() == 0, host.text()
    assert "without_checkpoint" not in host.text()
    assert len(re.findall("child.started", host.text())) == 2


@pytest.mark.parametrize("closed, reason", [(True, "TERMINATE"), (False, "ZOMBIE")])
def test_a_processor_of_1x(closed, reason, run, tmp_path, notes):
    files = files_of(tmp_path, closed)
    host = run("old", {"shutdownWithReason": "true"}, {"KH_VICTIM": "shardId-000000000000"})
    host.wait_for(lambda: len(notes.records("shardId-000000000000")) == 100, "its records")
    if closed:
        host.wait_event("consumer.finished shard=shardId-000000000000")
    assert host.terminate()[0] == 0
    assert host.text().count(f"old: shutdown {reason}") == 1
    assert "old: what" not in host.text()
    assert files.wanted
