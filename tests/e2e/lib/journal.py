"""What the measuring processor wrote down: one line a callback and record, one file a shard.

Each line is one write with O_APPEND, so the order in the file is the order of events even across processes, and a
kill loses no line that was written before it.
"""

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
    refused: list = field(default_factory=list)  # [(sequence number, error name)]
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
                session.records.append((int(line["sequence"]), line["data"], line["at"]))
            elif line["event"] == "checkpoint.asked" and line["sequence"]:
                session.asked.append(line["sequence"])
            elif line["event"] == "checkpoint.done" and line["sequence"]:
                session.acked.append(line["sequence"])
            elif line["event"] == "checkpoint.refused":
                session.refused.append((line["sequence"], line["error"]))
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


def check_resumed(journal, stream, overlap_allowed=False):
    """At least once, and only as the checkpoints allow. Returns (sessions, repeated records).

    Each session must start at the last checkpoint that was accepted, or at one asked for later whose answer died with
    the process, and go on from exactly the next record without a gap. Sessions of a shard do not overlap.
    """
    sessions_n = repeats_n = 0
    for shard in stream.by_shard:
        want = stream.expected(shard)
        position = {str(seq): i for i, (seq, _) in enumerate(want)}
        before = None
        acked = None
        furthest = 0
        for session in journal.sessions(shard):
            sessions_n += 1
            if before is not None:
                if not overlap_allowed:
                    assert session.start_line > before.last_line, (
                        f"{shard}: process {before.pid} still wrote after {session.pid} had begun")
                lost = [sequence for sequence, error in before.refused if error == "ShutdownException"]
                unanswered = [c for c in before.asked
                              if c not in lost and (acked is None or position[c] > position[acked])]
                assert session.start == (acked or session.start) or session.start in unanswered, (
                    f"{shard}: process {session.pid} was told {session.start}, last accepted was {acked}")
            next_i = 0 if session.start in SENTINELS else position[session.start] + 1
            got = [(seq, data) for seq, data, _ in session.records]
            assert got == want[next_i : next_i + len(got)], (
                f"{shard}: process {session.pid} started at {session.start}: "
                f"{describe_difference(got, want[next_i : next_i + len(got)])}")
            repeats_n += max(0, min(furthest, next_i + len(got)) - next_i)
            furthest = max(furthest, next_i + len(got))
            if session.start not in SENTINELS:
                acked = session.start
            if session.acked:
                acked = session.acked[-1]
            before = session
        assert furthest == len(want), f"{shard}: {furthest} of {len(want)} records were seen"
    return sessions_n, repeats_n
