"""The real parts that the tests run against: fetched once, kept by name and version.

Standard library only: this runs before the test venv exists. A part is complete when its folder stands under its
final name; it is made beside it and renamed, under a lock, so parallel users neither fetch twice nor see half of it.
tests/store/run-dynamodb shares folder and lock of DynamoDB Local.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

KCLPY = "3.1.3"
AWS_KCL = "2.3.2"  # the client library for Node
KINESIS_LOCAL = "0.6.2"
DYNAMODB_LOCAL = "2.5.2"
JAVA_DAEMONS = ("2.7.2", "3.1.3")
JAVA_DAEMON = JAVA_DAEMONS[-1]

MULTILANG = "software.amazon.kinesis:amazon-kinesis-client-multilang"
# What the POM of a version does not name, although the daemon needs it.
UNNAMED = {"2.7.2": ["software.amazon.kinesis:amazon-kinesis-client:2.7.2", "com.beust:jcommander:1.82",
                     "ch.qos.logback:logback-classic:1.3.14", "commons-beanutils:commons-beanutils:1.11.0",
                     "commons-io:commons-io:2.16.1"]}

# Pinned where a new release could change what a test sees; what they pull in follows.
REQUIREMENTS = ["pytest==8.4.2", "boto3==1.40.50", "moto[server]==5.1.14"]

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>kcl-host-test</groupId><artifactId>parts</artifactId><version>1</version>
<dependencies>{dependencies}</dependencies></project>
"""
DEPENDENCY = """<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>
"""


def run(argv, cwd=None):
    """Run a fetching command; its output is shown only if it fails."""
    done = subprocess.run(argv, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise SystemExit(f"{' '.join(map(str, argv))}: exit status {done.returncode}")


def pip(venv, command, *arguments):
    run([str(venv / "bin" / "pip"), command, "-q", "--disable-pip-version-check", *arguments])


def maven(folder, *artifacts):
    """All jars of the artifacts (group:artifact:version) and of what they name, in the folder itself."""
    pom = folder.parent / "pom.xml"
    pom.write_text(POM.format(dependencies="".join(DEPENDENCY.format(*artifact.split(":")) for artifact in artifacts)))
    run(["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"])


def make_venv(folder, final):
    """A venv knows its own path, so it is made in place; the marker written last says that it is whole."""
    shutil.rmtree(final, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(final)])
    pip(final, "install", *REQUIREMENTS)
    install_kclpy(folder, final)
    (final / "complete").write_text("")


def install_kclpy(folder, venv):
    """The library as published, without the Java jars that its own installer insists on.

    Its set-up downloads the whole Java daemon; the Python side needs none of it. So the source archive is unpacked
    and put on the path, and its sample goes unchanged to where the installer would have put it.
    """
    pip(venv, "install", "setuptools<81", "wheel")
    pip(venv, "download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", f"amazon_kclpy=={KCLPY}", "-d",
        str(folder))
    run(["tar", "-xzf", str(folder / f"amazon_kclpy-{KCLPY}.tar.gz"), "-C", str(venv), "--no-same-owner"])
    source = venv / f"amazon_kclpy-{KCLPY}"
    site = next((venv / "lib").glob("python3*/site-packages"))
    (site / "amazon_kclpy.pth").write_text(f"{source}\n")
    sample = venv / "bin" / "sample_kclpy_app.py"
    shutil.copyfile(source / "samples" / "sample_kclpy_app.py", sample)
    sample.chmod(0o755)


class Parts:
    """Paths of the parts, each fetched at first use."""

    def __init__(self, root):
        self.root = Path(root)
        self.root.mkdir(parents=True, exist_ok=True)

    def _have(self, name, make):
        final = self.root / name
        with self._locked(name):
            if not final.exists():
                with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=self.root) as scratch:
                    whole = Path(scratch) / name
                    whole.mkdir()
                    make(whole)
                    whole.rename(final)
        return final

    @contextmanager
    def _locked(self, name):
        with open(self.root / f"{name}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def venv(self):
        python = f"py{sys.version_info.major}.{sys.version_info.minor}"
        name = "-".join(["venv", python, "kclpy", KCLPY, *(r.split("==")[1] for r in REQUIREMENTS)])
        final = self.root / name
        with self._locked(name):
            if not (final / "complete").exists():
                with tempfile.TemporaryDirectory() as scratch:
                    make_venv(Path(scratch), final)
        return final

    def kclpy_sample_properties(self):
        return self.venv() / f"amazon_kclpy-{KCLPY}" / "samples" / "sample.properties"

    def dynamodb_local(self):
        return self._have(f"dynamodb-local-{DYNAMODB_LOCAL}", lambda folder: maven(
            folder, f"com.amazonaws:DynamoDBLocal:{DYNAMODB_LOCAL}"))

    def java_daemon(self, version=JAVA_DAEMON):
        return self._have(f"java-multilang-{version}", lambda folder: maven(
            folder, f"{MULTILANG}:{version}", *UNNAMED.get(version, [])))

    def kclpy_helper(self):
        return self.venv() / f"amazon_kclpy-{KCLPY}" / "samples" / "amazon_kclpy_helper.py"

    def kinesis_local(self):
        return self._npm("kinesis-local", KINESIS_LOCAL)

    def aws_kcl(self):
        return self._npm("aws-kcl", AWS_KCL)

    def _npm(self, name, version):
        def make(folder):
            (folder / "package.json").write_text("{}\n")
            run(["npm", "install", "--silent", "--no-audit", "--no-fund", f"{name}@{version}"], cwd=folder)
        return self._have(f"{name}-{version}", make) / "node_modules" / name


def cache_folder():
    """The cache, or a folder of this run's own where there is no home to keep one in."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(home) / "kcl-host-test"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="kcl-host-test-"))
