"""The real Java MultiLangDaemon, to be measured against and to share a lease table with."""

import os
import sys
from pathlib import Path

from .host import PROCESSORS, Host, properties
from .parts import JAVA_DAEMON
from .servers import REGION


class JavaDaemon(Host):
    """Takes the same properties as kcl-host; begins to work after half a minute to three minutes."""

    def __init__(self, parts, folder, changes, environment=None, version=JAVA_DAEMON):
        name = changes.get("workerId", "java")
        file = Path(folder) / f"{name}.properties"
        file.write_text(properties(parts.kclpy_sample_properties().read_text(),
                                   {**changes, "retrievalMode": "POLLING", "metricsLevel": "NONE"}))
        path = f"{PROCESSORS}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        super().__init__(
            ["java", "-Xmx512m", "-cp", f"{parts.java_daemon(version)}/*",
             "software.amazon.kinesis.multilang.MultiLangDaemon", "--properties-file", str(file)],
            folder, {"AWS_REGION": REGION, "CBOR_ENABLED": "false", "PATH": path, **(environment or {})}, name)

    def wait_for(self, condition, what, limit_s=400, every_s=0.25):
        return super().wait_for(condition, what, limit_s, every_s)
