"""The real Java MultiLangDaemon, to be measured against and to share a lease table with."""

import os
import subprocess
import sys
from pathlib import Path

from . import wait
from .host import PROCESSORS, properties
from .servers import KEYS, REGION


class JavaDaemon:
    """Takes the same properties as a Host; begins to work after one to three minutes."""

    def __init__(self, parts, folder, changes, environment):
        file = Path(folder) / "java.properties"
        file.write_text(properties(parts.kclpy_sample_properties().read_text(),
                                   {**changes, "retrievalMode": "POLLING", "metricsLevel": "NONE"}))
        self.log_path = Path(folder) / "java.log"
        path = f"{PROCESSORS}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["java", "-Xmx512m", "-cp", f"{parts.java_daemon()}/*",
                 "software.amazon.kinesis.multilang.MultiLangDaemon", "--properties-file", str(file)],
                env={**os.environ, **KEYS, "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true",
                     "CBOR_ENABLED": "false", "PATH": path, **environment}, stdout=log, stderr=log)

    def wait_for(self, condition, what, limit_s=400):
        try:
            return wait.until(condition, what, limit_s, 0.5,
                              lambda: "the daemon ended" if self.process.poll() is not None else None)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.log_path.read_text(errors='replace')[-5000:]}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()
