"""What the measuring processor wrote down: one line a callback and record, one file a shard.

Each line is one write with O_APPEND, so the order in the file is the order of events even across processes, and a
kill loses no line that was written before it.
"""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path

SENTINELS = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")


@dataclass
class Session:
    """One child: from initialize to its end."""
    pid: int
    worker: str  # whose child, where the test said so
    start: str  # the checkpoint it was told in initialize
    start_line: int
    at: float
    records: list = field(default_factory=list)  # [(sequence number, data, monotonic seconds)]
    asked: list = field(default_factory=list)  # checkpoints asked for, in order
    acked: list = field(default_factory=list)  # the ones that were accepted
    events: list = field(default_factory=list)  # [(name, monotonic seconds)]
    last_line: int = 0

    def saw(self, event):
        return any(name == event for name, _ in self.events)


class Journal:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._read = {}  # shard -> (bytes read so far, parsed lines): waits look often, files only grow
        self._seen = {}  # shard -> (lines looked at so far, distinct sequence numbers), for the same reason

    def shards(self):
        return sorted(p.stem for p in self.folder.glob("*.jsonl"))

    def lines(self, shard):
        path = self.folder / f"{shard}.jsonl"
        if not path.exists():
            return []
        offset, lines = self._read.get(shard, (0, []))
        with open(path, "rb") as file:
            file.seek(offset)
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]
        lines.extend(json.loads(line) for line in new.splitlines())
        self._read[shard] = (offset + len(new), lines)
        return lines

    def size(self):
        """Grows with every line: a cheap sign of progress."""
        return sum(p.stat().st_size for p in self.folder.glob("*.jsonl"))

    def sessions(self, shard):
        found = {}
        for number, line in enumerate(self.lines(shard)):
            if line["event"] == "initialize":
                found[line["pid"]] = Session(line["pid"], line.get("worker"), line["sequence"], number, line["at"])
            session = found[line["pid"]]
            session.last_line = number
            session.events.append((line["event"], line["at"]))
            if line["event"] == "record":
                session.records.append((int(line["sequence"]), data_of(line), line["at"]))
            elif line["event"] == "checkpoint.asked" and line["sequence"]:
                session.asked.append(line["sequence"])
            elif line["event"] == "checkpoint.done" and line["sequence"]:
                session.acked.append(line["sequence"])
        return list(found.values())

    def records(self, shard):
        return [record for session in self.sessions(shard) for record in session.records]

    def seen(self):
        """Distinct records over all shards."""
        return sum(len(self._distinct(shard)) for shard in self.shards())

    def _distinct(self, shard):
        lines = self.lines(shard)
        looked, distinct = self._seen.get(shard, (0, set()))
        distinct.update(line["sequence"] for line in lines[looked:] if line["event"] == "record")
        self._seen[shard] = (len(lines), distinct)
        return distinct

    def first(self, event):
        """Monotonic seconds of the first such event over all shards, or None."""
        times = [line["at"] for shard in self.shards() for line in self.lines(shard) if line["event"] == event]
        return min(times, default=None)


def data_of(line):
    """A shell cannot say every text in JSON: its journals have the data in base64."""
    return base64.b64decode(line["base64"]).decode() if "base64" in line else line["data"]


def check_exactly_once(journal, stream):
    """Every record of the stream once, in order, and nothing else."""
    for shard in stream.by_shard:
        got = [(seq, data) for seq, data, _ in journal.records(shard)]
        want = stream.expected(shard)
        assert got == want, f"{shard}: {describe_difference(got, want)}"


def describe_difference(got, want):
    for i, (g, w) in enumerate(zip(got, want)):
        if g != w:
            return f"record {i} is {g}, expected {w} ({len(got)} seen, {len(want)} expected)"
    return f"{len(got)} seen, {len(want)} expected"


class _Resumed:
    """One shard's lines read in their order, and what they allow to come next. Places count the shard's records."""

    def __init__(self, shard, want, overlap_allowed, late):
        self.shard, self.want, self.overlap_allowed, self.late = shard, want, overlap_allowed, late
        self.place = {str(seq): i for i, (seq, _) in enumerate(want)}
        self.accepted = -1  # place of the last checkpoint that was accepted
        self.asked = {}  # pid -> place of a checkpoint that it asked for and that may have been stored all the same
        self.next = {}  # pid -> place of the record that it must see next
        self.newest = None  # pid
        self.furthest = self.repeats = 0

    def initialize(self, line):
        start = -1 if line["sequence"] in SENTINELS else self.place[line["sequence"]]
        allowed = {self.accepted, *(place for place in self.asked.values() if place > self.accepted)}
        late = line.get("worker") in self.late and start < max(allowed)
        assert start in allowed or late, (
            f"{self.shard}: process {line['pid']} was told {line['sequence']}, number {start}; accepted was number "
            f"{self.accepted}, or else {self.asked}")
        self.newest = line["pid"]
        self.next[line["pid"]] = start + 1

    def record(self, line):
        place = self.next[line["pid"]]
        want = self.want[place] if place < len(self.want) else "none"
        assert (int(line["sequence"]), line["data"]) == want, (
            f"{self.shard}: process {line['pid']} saw {line['sequence']} {line['data']}, not number {place}, {want}")
        self.next[line["pid"]] += 1
        self.repeats += place < self.furthest
        self.furthest = max(self.furthest, place + 1)

    def checkpoint(self, line):
        place = self.place[line["sequence"]]
        if line["event"] == "checkpoint.asked":
            self.asked[line["pid"]] = place
        elif line["event"] == "checkpoint.done":
            self.accepted = max(self.accepted, place)
        elif line["error"] == "ShutdownException":
            self.asked.pop(line["pid"], None)

    def look(self, line):
        if line["event"] == "initialize":
            self.initialize(line)
        assert self.overlap_allowed or line["pid"] == self.newest, (
            f"{self.shard}: process {line['pid']} still wrote after {self.newest} had begun")
        if line["event"] == "record":
            self.record(line)
        elif line["event"].startswith("checkpoint.") and line["sequence"]:
            self.checkpoint(line)


def check_resumed(journal, stream, overlap_allowed=False, late=()):
    """At least once, and only as the checkpoints allow. Returns (sessions, repeated records).

    Each session must start at the last checkpoint that was accepted, or at one asked for later whose answer died with
    the process, and go on from exactly the next record without a gap. Sessions of a shard do not overlap.
    late: workers whose child may be told an older checkpoint, as Java's if it is robbed before the child has started.
    """
    sessions_n = repeats_n = 0
    for shard in stream.by_shard:
        resumed = _Resumed(shard, stream.expected(shard), overlap_allowed, late)
        for line in journal.lines(shard):
            resumed.look(line)
        assert resumed.furthest == len(resumed.want), (
            f"{shard}: {resumed.furthest} of {len(resumed.want)} records were seen")
        sessions_n += len(resumed.next)
        repeats_n += resumed.repeats
    return sessions_n, repeats_n
