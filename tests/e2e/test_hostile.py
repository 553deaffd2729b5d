"""Processors that mean harm, or are broken, on one shard of four: neither the others nor the machine notice."""

import re
import time

import pytest

from lib import wait
from test_file_source import NO_KEYS, Files
from test_pid1 import zombies_of

VICTIM = "shardId-000000000002"
RECORDS = 2000
MEMORY_KB_MAX = 40000
# What each is answered with: a line of the log, in which the shard may be named.
KINDS = {
    "flood_stdout": "dialog.timeout",
    "flood_stderr": "dialog.timeout",
    "long_line": "child.line_too_long",
    "never_read": "dialog.timeout",
    "hold_pipes": r"child.exited .*status=3",
    "behind_a_wrapper": "^behind the wrapper",
    "ignore_sigterm": "dialog.does_not_leave",
    "exit_at_once": r"child.exited .*status=9",
    "wrong_json": "child.line_skipped",
    "wrong_answer": "dialog.wrong_answer",
    "answer_twice": "child.started",
    "foreign_numbers": "hostile: all were refused",
    "close_stdin": "child.stdin_closed",
    "close_stdout": "child.stdout_closed",
    "die_in_checkpoint": r"child.exited .*signal=9",
    "stop_itself": "dialog.timeout",
}
SERVED = ("long_line", "answer_twice")  # the victim's own records come through, too
ESCAPES = ("hold_pipes",)  # a process that left its group on purpose


@pytest.fixture
def stream_files(tmp_path):
    files = Files(tmp_path / "stream", closed=False, shards=4)
    for shard in files.wanted:
        files.add(RECORDS, shard)
    return files


@pytest.fixture
def attack(start, tmp_path, notes):  # notes makes the folder of the journal
    def run(kind):
        properties = {"executableName": "hostile.py", "streamArn": None, "streamName": None, "applicationName": "hostile",
                      "AwsCredentialsProvider": None, "regionName": None, "source": f"file:{tmp_path / 'stream'}",
                      "leaseStore": f"sqlite:{tmp_path / 'leases.db'}", "shutdownGraceMillis": "1000",
                      "childRestartMinMillis": "100", "childRestartMaxMillis": "1000"}
        if KINDS.get(kind, "").startswith("dialog."):  # for the others the host must notice without
            properties["processRecordsTimeoutSeconds"] = "2"
        return start(properties, {**NO_KEYS, "KH_HOSTILE": kind, "KH_VICTIM": VICTIM if kind else "none"})
    return run


def seen(notes, files, but=None):
    return all(len({q for q, _, _ in notes.records(shard)}) == len(want)
               for shard, want in files.wanted.items() if shard != but)


@pytest.fixture(scope="module")
def usual_s():
    """How long the three shards take where nobody means harm; measured by the first test."""
    return []


def test_nobody_means_harm(attack, stream_files, notes, usual_s):
    host = attack(None)
    host.wait_for(lambda: seen(notes, stream_files, VICTIM), "the records of the others")
    usual_s.append(time.monotonic() - host.started_at)
    host.terminate()
    host.wait_no_children()


@pytest.mark.parametrize("kind", KINDS)
def test_the_others_do_not_notice(kind, attack, stream_files, notes, usual_s, figure):
    host = attack(kind)
    host.wait_for(lambda: seen(notes, stream_files, VICTIM), "the records of the others")
    took = time.monotonic() - host.started_at
    host.wait_event(KINDS[kind])
    if kind in SERVED:
        host.wait_for(lambda: seen(notes, stream_files), "the victim's own records")
    for shard in stream_files.wanted:
        stream_files.add(100, shard)
    host.wait_for(lambda: seen(notes, stream_files, VICTIM), "the records that came while it went on")
    memory_kb = host.memory_kb()["RssAnon"]
    assert memory_kb < MEMORY_KB_MAX
    for shard in set(stream_files.wanted) - {VICTIM}:
        (session,) = notes.sessions(shard)
        assert [(seq, data) for seq, data, _ in session.records] == stream_files.wanted[shard]
    wait.until(lambda: zombies_of(host.pid) == [], "every child to be reaped")
    status, _ = host.terminate()
    assert status == 0
    assert len(re.findall("info child.line_skipped", host.text())) <= 5 * len(re.findall("info child.started", host.text()))
    if kind not in ESCAPES:
        host.wait_no_children()
    if usual_s:
        assert took < 3 * usual_s[0] + 10 * wait.PATIENCE  # stalled, not slowed by a crowded machine: the figure says that
        figure(f"hostile child, {kind}: {3 * RECORDS} records of the others in {took:.2f} s (usually {usual_s[0]:.2f} s), "
               f"host {memory_kb / 1000:.1f} MB")


@pytest.mark.parametrize("kind", KINDS)
def test_none_outlives_the_host(kind, attack, stream_files, notes):
    host = attack(kind)
    host.wait_event(KINDS[kind])
    host.kill()
    if kind not in ESCAPES:
        host.wait_no_children(5)
