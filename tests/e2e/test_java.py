"""One lease table for kcl-host and the real Java daemon, under load: side by side, handed over, frozen, and back.

Takes about four minutes, so only when asked for: tests/e2e/run PATH_TO_KCL_HOST -m java
"""

import re
import signal
import threading
import time
from dataclasses import dataclass

import pytest

from lib import java, journal, leases, streams

STRANGE = {"strangeText": {"S": "of a later version"}, "strangeSet": {"SS": ["a", "b"]},
           "strangeMap": {"M": {"n": {"N": "1"}}}}
FOREIGN = [{"leaseKey": {"S": "Leader"}, "entityType": {"S": "LEADER"}, "ownerName": {"S": "somebody"},
            "leaseDuration": {"S": "120000"}, "recordVersionNumber": {"S": "b2f0"}},
           {"leaseKey": {"S": "some-worker"}, "entityType": {"S": "WORKER_METRIC_STATS"}, "lut": {"N": "1700000000"},
            "sts": {"M": {}}, "opr": {"M": {}}},
           {"leaseKey": {"S": "of-a-later-version"}, "entityType": {"S": "SOMETHING_ELSE"}, "x": {"BOOL": True}}]

# While DynamoDB Local makes the index that Java wants, it answers writes to the table with an InternalFailure ("table …
# has no column named indexKey_0" in its log). kcl-host must take these writes as unknown, and go on.
WHILE_INDEXING = r"warn (store\.failed .*InternalFailure|hold\.write_unknown )"
FROZEN = r"warn hold\.(expired|taken) "
JAVA_UNRELATED = r"WorkerMetricsSelector|CloudWatchPublisherRunnable"


class Watch:
    """Looks at the lease table a few times a second: who owns what when, and that nothing in it goes backwards."""

    def __init__(self, dynamodb, table):
        self.dynamodb, self.table = dynamodb, table
        self.begun_at = time.monotonic()
        self.rows = {}
        self.changes = [(0.0, {})]  # (seconds, {shard: owner}), one each time that an owner changed
        self.problems = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while not self.ended.wait(0.2):
                self._look(leases.leases(self.dynamodb, self.table))
        except Exception as e:  # pylint: disable=broad-except; shown by the test
            self.problems.append(f"the watch ended: {e!r}")

    def _look(self, rows):
        for key, row in rows.items():
            for name, was, now in zip(("leaseCounter", "checkpoint"), progress(self.rows.get(key, row)), progress(row)):
                if now < was:
                    self.problems.append(f"{key}: {name} went back from {was} to {now}")
            if "checkpointOwner" in row:
                self.problems.append(f"{key}: the leader moves a lease of a worker that reports no metrics: {row}")
        self.rows = rows
        owners = {key: leases.text(rows[key], "leaseOwner") for key in sorted(rows)}
        if owners != self.changes[-1][1]:
            self.changes.append((time.monotonic() - self.begun_at, owners))

    def owned(self, owner):
        return list(self.changes[-1][1].values()).count(owner)

    def __str__(self):
        return "; ".join(f"{at:.0f} s: " + " ".join(owner or "-" for owner in owners.values())
                         for at, owners in self.changes[1:])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(30)


def progress(row):
    """(counter, checkpoint) as numbers that may only grow."""
    checkpoint = leases.text(row, "checkpoint")
    return int(leases.text(row, "leaseCounter")), int(checkpoint) if checkpoint.isdigit() else -1


@dataclass
class Phase:
    """A stretch of the run, and what the hand-overs in it cost."""
    name: str
    begun_at: float
    children: int = 0
    repeats: int = 0  # records that an earlier child had seen
    overlap_s: float = 0.0  # from a child's initialize to the last record of the one before
    silence_s: float = 0.0  # between the records of two children of a shard

    def __str__(self):
        return (f"{self.name}: {self.children} children begun, {self.repeats} records repeated, no shard silent longer "
                f"than {self.silence_s:.1f} s")


def add_up(phases, notes, stream):
    """Book each child on the phase in which it began."""
    for shard in stream.by_shard:
        before = {}  # sequence number -> when last seen
        for session in notes.sessions(shard):
            phase = [p for p in phases if p.begun_at <= session.at][-1]
            phase.children += 1
            if before and session.records:
                phase.repeats += sum(seq in before for seq, _, _ in session.records)
                phase.overlap_s = max(phase.overlap_s, max(before.values()) - session.at)
                phase.silence_s = max(phase.silence_s, session.records[0][2] - max(before.values()))
            before.update((seq, at) for seq, _, at in session.records)


def loud(text):
    """Log lines above info, of kcl-host (`warn event …`) or Java (`date time [thread] WARN …`)."""
    return [line for line in text.splitlines() if re.match(r"(warn|error) |\S+ \S+ \[[^]]*\] (WARN|ERROR) ", line)]


def loud_but(allowed, text):
    return [line for line in loud(text) if not re.search(allowed, line)]


def own_tables_of_java(dynamodb, name):
    return {table: sorted(dynamodb.scan(TableName=table, ConsistentRead=True)["Items"], key=str)
            for table in (f"{name}-CoordinatorState", f"{name}-WorkerMetricStats")}


def leader_rounds(daemon):
    """How often Java, knowing of a worker that is alive, thought about who should own what."""
    return daemon.log_path.read_text(errors="replace").count("activeWorkerMetrics : 1")


def check_nothing_moves(watch, daemon):
    """Side by side: two rounds of Java's leader, and many of ours, change no owner."""
    before = watch.changes[-1]
    rounds = leader_rounds(daemon)
    daemon.wait_for(lambda: leader_rounds(daemon) >= rounds + 2, "two rounds of Java's leader", 120)
    assert watch.changes[-1] is before, watch


def wait_working(who, stream, notes, children):
    """So many children were begun in all, and everything put until then is processed."""
    who.wait_for(lambda: sum(line["event"] == "initialize" for shard in notes.shards() for line in notes.lines(shard))
                 == children, f"{children} children", 120)
    mark = stream.put_n
    who.wait_for(lambda: notes.seen() >= mark, f"{mark} records to be processed", 120)


@pytest.fixture
def start_java(real_parts, tmp_path, app):
    started = []

    def run():
        started.append(java.JavaDaemon(real_parts, tmp_path, {
            **app, "workerId": "java", "shutdownGraceMillis": "20000", "idleTimeBetweenReadsInMillis": "250"},
            {"KH_JOURNAL": str(tmp_path / "journal")}))
        return started[-1]

    yield run
    for daemon in started:
        daemon.kill()


@pytest.mark.java
def test_java_and_kcl_host_live_on_one_table(stream, start, start_java, app, notes, dynamodb, figure):
    table = app["applicationName"]
    phases = []

    def begin(name):
        phases.append(Phase(name, time.monotonic()))

    with streams.Load(stream, batch=5), Watch(dynamodb.client, table) as watch:
        begin("kcl-host alone")
        first = start({**app, "workerId": "first"})
        first.wait_for(lambda: watch.owned("first") == 4, "four leases")
        make_strange(dynamodb.client, table, stream)
        wait_working(first, stream, notes, 4)

        begin("Java beside it")
        daemon = start_java()
        check_nothing_moves(watch, daemon)
        assert watch.owned("first") == 4

        begin("kcl-host stopped, Java goes on")
        assert first.terminate()[0] == 0
        daemon.wait_for(lambda: watch.owned("java") == 4, "Java to take over", 120)
        wait_working(daemon, stream, notes, 8)

        begin("kcl-host takes half from Java")
        second = start({**app, "workerId": "second"})
        second.wait_for(lambda: watch.owned("second") == 2, "two leases", 120)
        wait_working(second, stream, notes, 10)
        check_nothing_moves(watch, daemon)
        assert loud(second.text()) == []

        begin("kcl-host frozen, Java takes that half")
        second.signal(signal.SIGSTOP)
        daemon.wait_for(lambda: watch.owned("java") == 4, "Java to take over", 120)
        wait_working(daemon, stream, notes, 12)

        begin("kcl-host thawed, takes half again")
        second.signal(signal.SIGCONT)
        second.wait_for(lambda: watch.owned("second") == 2, "two leases", 120)
        wait_working(second, stream, notes, 14)

        begin("Java stopped, kcl-host goes on")
        daemon.process.terminate()
        daemon.process.wait(60)
        second.wait_for(lambda: watch.owned("second") == 4, "kcl-host to take over", 120)
        wait_working(second, stream, notes, 16)
        left_by_java = own_tables_of_java(dynamodb.client, table)

        begin("items of KCL 3.5 in the table")
        for item in FOREIGN:
            dynamodb.client.put_item(TableName=table, Item=item)
        assert second.terminate()[0] == 0
        third = start({**app, "workerId": "third"})
        wait_working(third, stream, notes, 20)
    third.wait_for(lambda: notes.seen() == stream.put_n, "all records")
    assert third.terminate()[0] == 0

    sessions, repeats = journal.check_resumed(notes, stream, overlap_allowed=True)
    add_up(phases, notes, stream)
    figure(f"one table with Java 3.1.3: {stream.put_n} records, {sessions} children, none skipped, each shard in "
           f"order, {repeats} repeated")
    figure(f"owners of the four shards: {watch}")
    for phase in phases:
        figure(f"{phase}")
    assert watch.problems == []
    assert {phase.name: phase.overlap_s for phase in phases if phase.overlap_s > 0} == {}
    assert sum(phase.repeats for phase in phases if "kcl-host stopped" in phase.name) == 0
    check_logs(first, second, third, daemon)
    check_table(leases.rows(dynamodb.client, table), stream)
    assert own_tables_of_java(dynamodb.client, table) == left_by_java


def make_strange(dynamodb, table, stream):
    """Give each lease attributes that neither program knows."""
    for shard in stream.by_shard:
        dynamodb.update_item(TableName=table, Key={"leaseKey": {"S": shard}},
                             UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in STRANGE),
                             ExpressionAttributeValues={f":{name}": value for name, value in STRANGE.items()})


def check_logs(first, second, third, daemon):
    assert loud_but(WHILE_INDEXING, first.text()) == []
    assert loud_but(FROZEN, second.text()) == []
    assert loud(third.text()) == []
    said = daemon.log_path.read_text(errors="replace")
    assert loud_but(JAVA_UNRELATED, said) == []
    assert "Initialization complete. Starting worker loop." in said


def check_table(rows, stream):
    """All is read, nobody owns anything, and what kcl-host does not know is as it was."""
    for item in FOREIGN:
        assert rows.pop(item["leaseKey"]["S"]) == item
    assert sorted(rows) == sorted(stream.by_shard)
    for shard, row in rows.items():
        assert leases.text(row, "checkpoint") == str(stream.expected(shard)[-1][0])
        assert "leaseOwner" not in row
        assert {name: row[name] for name in STRANGE} == STRANGE
        assert row["throughputKBps"].keys() == {"N"}  # Java's, who measured it
