"""kcl-host as a process: its properties file, its start, what it says, its children, its end."""

import contextlib
import os
import re
import signal
import subprocess
import time
import uuid
from pathlib import Path

from . import wait
from .servers import KEYS

PROCESSORS = Path(__file__).resolve().parent.parent / "processors"


def properties(sample, changes):
    """The text of the Python client's own sample.properties, its lines changed or, where it has none, added.

    A change to None takes the line out.
    """
    left = dict(changes)
    lines = []
    for line in sample.splitlines():
        key = line.split("=")[0].strip()
        if not line.lstrip().startswith("#") and key in left:
            value = left.pop(key)
            line = "" if value is None else f"{key} = {value}"
        lines.append(line)
    lines.extend(f"{key} = {value}" for key, value in left.items() if value is not None)
    return "\n".join(lines) + "\n"


def alive(pid):
    """Still running; a zombie whose parent has not looked yet is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def is_warden(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii", errors="replace").strip() == "kcl-host-warden"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Host:
    """One run of kcl-host. Its processes carry a mark in their environment, so that orphans can be found."""

    def __init__(self, argv, folder, environment=None, name="kcl-host"):
        self.name = name
        self.mark = uuid.uuid4().hex
        self.out_path = Path(folder) / f"{name}-{self.mark[:6]}.out"
        self.err_path = Path(folder) / f"{name}-{self.mark[:6]}.err"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "KH_"))}
        whole = {**clean, **KEYS, "AWS_EC2_METADATA_DISABLED": "true", "KH_E2E_MARK": self.mark, **(environment or {})}
        whole = {k: v for k, v in whole.items() if v is not None}
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.started_at = time.monotonic()
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=folder,
                                            env=whole)
        self.pid = self.process.pid

    def text(self):
        """Everything said so far, on both descriptors."""
        return (self.err_path.read_text(encoding="utf-8", errors="replace")
                + self.out_path.read_text(encoding="utf-8", errors="replace"))

    def why_over(self):
        """For waits: None while it runs."""
        status = self.process.poll()
        return None if status is None else f"{self.name} ended with {status}:\n{self.text()[-3000:]}"

    def wait_for(self, condition, what, limit_s=60, every_s=0.02):
        try:
            return wait.until(condition, what, limit_s, every_s, alive=self.why_over)
        except AssertionError as e:
            raise AssertionError(f"{e}\n--- {self.name} said:\n{self.text()[-4000:]}") from None

    def wait_event(self, pattern, limit_s=60):
        return self.wait_for(lambda: re.search(pattern, self.text(), re.M), f"{pattern!r} in the log", limit_s)

    def wait_exit(self, limit_s=60):
        try:
            return self.process.wait(limit_s * wait.PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {limit_s} s:\n{self.text()[-4000:]}") from None

    def marked(self):
        """Living processes of this run: the host, its children, theirs."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    environment = (folder / "environ").read_bytes()
                except OSError:
                    continue
                if f"KH_E2E_MARK={self.mark}".encode() in environment and alive(int(folder.name)):
                    found.append(int(folder.name))
        return found

    def children(self):
        """Whoever is left; the host's own warden only counts once the host is gone."""
        return [pid for pid in self.marked() if pid != self.pid
                and not (self.process.poll() is None and is_warden(pid))]

    def signal(self, number):
        self.process.send_signal(number)

    def terminate(self, limit_s=30):
        """SIGTERM; returns (exit status, seconds it took)."""
        begun = time.monotonic()
        self.signal(signal.SIGTERM)
        status = self.wait_exit(limit_s)
        return status, time.monotonic() - begun

    def kill(self):
        """SIGKILL, as a crash or the kernel would."""
        self.process.kill()
        self.process.wait()

    def wait_no_children(self, limit_s=10):
        wait.until(lambda: not self.children(), f"the children {self.children()} to be gone", limit_s)

    def clean_up(self):
        """End whatever is left, by process id."""
        if self.process.poll() is None:
            self.kill()
        for pid in self.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def memory_kb(self):
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return {key: int(re.search(rf"^{key}:\s+(\d+) kB", status, re.M)[1]) for key in ("VmRSS", "RssAnon")}
