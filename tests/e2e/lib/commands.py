"""Sub-commands of kcl-host: run to their end, with what they said."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import host
from .servers import KEYS


@dataclass
class Done:
    status: int
    out: str
    err: str


class Commands:
    """Works with one application's properties, on the settings that a table command needs."""

    def __init__(self, binary, folder, app):
        self.binary = binary
        self.file = Path(folder) / f"{app['applicationName']}.commands.properties"
        self.file.write_text(host.properties("", app))
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "KH_"))}
        self.environment = {**clean, **KEYS, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}

    def __call__(self, *words, limit_s=120):
        done = subprocess.run([self.binary, *words, "--properties", str(self.file)], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s, check=False)
        assert "Assertion" not in done.stderr and "assert.failed" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *words, limit_s=120):
        done = self(*words, limit_s=limit_s)
        assert done.status == 0, f"{words}: status {done.status}\n{done.out}\n{done.err}"
        return done.out

    def refused(self, status, *words):
        """Refused with this status; returns the last line said."""
        done = self(*words)
        assert done.status == status, f"{words}: status {done.status}\n{done.out}\n{done.err}"
        line = done.err.splitlines()[-1]
        assert line.startswith("kcl-host: "), line
        return line.removeprefix("kcl-host: ")
