"""The examples as a newcomer runs them: right counts, nothing to do for a second run, nothing twice after a crash."""

import base64
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


@pytest.fixture
def tree(tmp_path):
    """A copy to run in: the examples name their files relative to the top of the tree."""
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    (tmp_path / "build").mkdir()
    return tmp_path


def words_of(folder):
    """What is to be counted, from the files themselves."""
    counts = Counter()
    for file in folder.glob("*.ndjson"):
        for line in file.read_text(encoding="utf-8").splitlines():
            text = base64.b64decode(json.loads(line)["Data"]).decode("utf-8", "replace")
            counts.update(re.findall("[a-z]+", text.lower()))
    return counts


def shell_counts(tree):
    counts = Counter()
    for file in (tree / "build" / "wordcount.counts").glob("*.counts"):
        for line in file.read_text().splitlines()[1:]:
            n, word = line.split()
            counts[word] += int(n)
    return counts


def python_counts(tree):
    counts = Counter()
    for file in (tree / "build" / "wordcount-python.counts").glob("*.json"):
        counts.update(json.loads(file.read_text())["counts"])
    return counts


@pytest.mark.parametrize("example, counted", [("wordcount", shell_counts), ("python", python_counts)],
                         ids=["shell", "python"])
def test_word_count(example, counted, tree, start):
    properties = tree / "examples" / example / "wordcount.properties"
    host = start(properties, NO_KEYS, ["--exit-when-done"])
    assert host.wait_exit() == 0, host.text()
    want = words_of(tree / "examples" / "wordcount" / "stream")
    assert sum(want.values()) > 1000
    assert counted(tree) == want

    again = start(properties, NO_KEYS, ["--exit-when-done"])
    assert again.wait_exit() == 0, again.text()
    assert " records, last is " not in again.text()
    assert counted(tree) == want


def test_word_count_survives_kills(tree, start):
    properties = tree / "examples" / "wordcount" / "wordcount.properties"
    # A name that stays, so that a restart need not wait for the killed worker's leases to expire.
    properties.write_text(properties.read_text() + "\nworkerId = the-one\nmaxRecords = 10\n")
    want = words_of(tree / "examples" / "wordcount" / "stream")
    for _ in range(4):
        counted = sum(shell_counts(tree).values())
        assert counted < sum(want.values()), "all counted before the last kill: nothing was tested"
        host = start(properties, NO_KEYS)
        host.wait_for(lambda n=counted: sum(shell_counts(tree).values()) > n, "more words to be counted")
        host.kill()
        host.wait_no_children()
    host = start(properties, NO_KEYS, ["--exit-when-done"])
    assert host.wait_exit(120) == 0, host.text()
    assert shell_counts(tree) == want
