"""Runs pytest over the real parts and adds up: what tests/e2e/run and tests/interop/run have in common.

Standard library only: this runs before the test venv exists.
"""

import os
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from . import parts as parts_module


def totals(report):
    """(passed, failed) of a JUnit report; an error in a fixture is a failure."""
    if not report.exists():
        return 0, 1
    suite = ElementTree.parse(report).getroot().find("testsuite")
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    return int(suite.get("tests")) - failed - int(suite.get("skipped")), failed


class Run:
    """One pytest process. With output, it goes there and is shown at the end, so that several can run side by side."""

    def __init__(self, venv, scratch, environment, arguments, aside=False):
        self.report = scratch / "report.xml"
        self.figures = scratch / "figures"
        self.output = scratch / "output" if aside else None
        out = open(self.output, "wb") if aside else None  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            [venv / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", scratch / "tests",
             "--junitxml", self.report, "--durations=10", *arguments],
            env={**environment, "KH_FIGURES": str(self.figures)}, stdout=out, stderr=out)

    def finish(self):
        """(passed, failed)"""
        status = self.process.wait()
        if self.output:
            print(self.output.read_text(errors="replace"), end="")
        if self.figures.exists():
            print(self.figures.read_text(), end="", flush=True)
        passed, failed = totals(self.report)
        # Five: nothing was selected, as with -k for a single test of a single file.
        return passed, failed + (status not in (0, 5) and failed == 0)


def main(binary, folder, groups):
    """Runs the tests in folder against the program, each group of arguments to pytest in a process of its own.

    Returns the exit status, 0 only if something passed and nothing failed.
    """
    cache = parts_module.cache_folder()
    venv = parts_module.Parts(cache).venv()
    environment = {**os.environ, "KH_BIN": str(Path(binary).resolve()), "KH_PARTS": str(cache),
                   "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory(prefix=f"kcl-host-{folder.name}-") as scratch:
        runs = []
        try:
            for number, group in enumerate(groups):
                own = Path(scratch) / str(number)
                own.mkdir()
                runs.append(Run(venv, own, environment, ["--rootdir", folder, *group], aside=len(groups) > 1))
            results = [run.finish() for run in runs]
        finally:  # after a Ctrl-C: they end what they started
            for run in runs:
                run.process.wait()
        passed, failed = (sum(column) for column in zip(*results))
        if os.environ.get("KH_KEEP"):
            shutil.copytree(scratch, os.environ["KH_KEEP"], dirs_exist_ok=True, symlinks=True)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed > 0 and failed == 0 else 1
