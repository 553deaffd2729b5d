"""What the measuring programs share: they use the parts and helpers of the end-to-end tests."""

import os
import sys
from pathlib import Path

E2E = Path(__file__).resolve().parent.parent / "e2e"
sys.path.insert(0, str(E2E))
sys.dont_write_bytecode = True

from lib import parts as parts_module  # noqa: E402


def parts():
    return parts_module.Parts(parts_module.cache_folder())


def into_venv():
    """Run again with the Python that has boto3 and amazon_kclpy."""
    venv = parts().venv()
    if Path(sys.prefix) != venv:
        python = str(venv / "bin" / "python")
        os.execv(python, [python, *sys.argv])


class Hosts:
    """kcl-hosts of one measurement, in a folder of its own; all are gone in the end."""

    def __init__(self, binary, folder):
        self.binary, self.folder = str(Path(binary).resolve()), Path(folder)
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for host in self.started:
            host.clean_up()

    def start(self, properties, environment=None):
        from lib import host
        file = self.folder / f"{len(self.started)}.properties"
        file.write_text(host.properties(parts().kclpy_sample_properties().read_text(), properties))
        path = f"{host.PROCESSORS}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.started.append(host.Host([self.binary, "--properties", str(file)], self.folder, {
            "PATH": path, "KH_JOURNAL": str(self.folder / "journal"), **(environment or {})}))
        return self.started[-1]
