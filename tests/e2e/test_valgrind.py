"""One run under Valgrind: no invalid access, nothing leaked, no descriptor left open."""

import os
import re
import shutil
from pathlib import Path

import pytest

from lib import journal

VALGRIND = ["valgrind", "--track-fds=yes", "--leak-check=full", "--show-leak-kinds=definite,indirect,possible",
            "--errors-for-leak-kinds=definite,indirect,possible", "--error-exitcode=99"]


def sanitized():
    return b"__asan_init" in Path(os.environ.get("KH_BIN", os.devnull)).read_bytes()


@pytest.mark.skipif(shutil.which("valgrind") is None or sanitized(), reason="no Valgrind, or a sanitizer instead")
def test_a_run_with_a_split_leaves_nothing_behind(stream, start, app, notes, tmp_path):
    log = tmp_path / "valgrind.log"
    stream.put(400)
    host = start({**app, "parentShardPollIntervalMillis": "500"}, wrap=[*VALGRIND, f"--log-file={log}"])
    host.wait_for(lambda: notes.seen() == 400, "all records", 120)
    stream.split("shardId-000000000000")
    stream.put(400)
    host.wait_for(lambda: notes.seen() == 800, "all records of the new shards too", 120)
    assert host.terminate(60)[0] == 0, log.read_text()
    journal.check_exactly_once(notes, stream)
    report = log.read_text()
    assert "ERROR SUMMARY: 0 errors" in report, report
    opened = [line for line in re.findall(r"Open .*", report) if str(log) not in line]
    assert opened == [], report
