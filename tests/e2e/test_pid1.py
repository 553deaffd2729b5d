"""As process 1 of a container: signals work, and orphans that nobody else waits for are reaped."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from lib import journal, wait

UNSHARE = ["unshare", "--pid", "--fork", "--kill-child=KILL"]


def status_field(pid, field):
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return next((line.split(None, 1)[1] for line in text.splitlines() if line.startswith(field + ":")), "")


def zombies_of(pid):
    return [p.name for p in Path("/proc").iterdir() if p.name.isdigit()
            and status_field(p.name, "PPid") == str(pid) and status_field(p.name, "State").startswith("Z")]


@pytest.mark.skipif(subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode != 0,
                    reason="needs the right to make a process namespace")
def test_as_process_1(stream, start, app, notes, tmp_path):
    orphan_pid = tmp_path / "orphans"
    wrapper = tmp_path / "leaves_an_orphan.sh"
    wrapper.write_text("#!/bin/sh\n"
                       f"(setsid sleep 0.5 </dev/null >/dev/null 2>&1 & echo x >> {orphan_pid})\n"
                       "exec measure.py\n")
    wrapper.chmod(0o755)
    stream.put(400)
    outer = start({**app, "executableName": str(wrapper)}, wrap=UNSHARE)
    outer.wait_for(lambda: notes.seen() == 400, "all records")
    (inner,) = [pid for pid in outer.children() if status_field(pid, "NSpid").split()[-1:] == ["1"]]
    assert len(orphan_pid.read_text().split()) == 4
    outer.wait_for(lambda: sum("sleep" in status_field(pid, "Name") for pid in outer.children()) == 0,
                   "the orphans to end")
    wait.until(lambda: zombies_of(inner) == [], "the orphans to be reaped")
    os.kill(inner, signal.SIGTERM)
    assert outer.wait_exit() == 0, outer.text()
    journal.check_exactly_once(notes, stream)
    for shard in stream.by_shard:
        assert notes.sessions(shard)[0].saw("shutdownRequested")
