"""The launchers of the client libraries, not a letter of them changed, with kcl-host where they want a java."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lib import journal, wait

DAEMON = "software.amazon.kinesis.multilang.MultiLangDaemon"
OLD_DAEMON = "com.amazonaws.services.kinesis.multilang.MultiLangDaemon"


@pytest.fixture
def java_home(binary, tmp_path):
    """A JAVA_HOME whose bin/java is a link to kcl-host."""
    (tmp_path / "jdk" / "bin").mkdir(parents=True)
    (tmp_path / "jdk" / "bin" / "java").symlink_to(Path(binary).resolve())
    return tmp_path / "jdk"


@pytest.fixture
def jars(real_parts, tmp_path):
    """What keeps Node's launcher from fetching the Java daemon: an empty file for each jar that its pom.xml names."""
    folder = tmp_path / "jars"
    folder.mkdir()
    pom = (real_parts.aws_kcl() / "pom.xml").read_text()
    variables = dict(re.findall(r"<([\w.-]+\.version)>([^<]+)</", pom))
    found = re.findall(r"<dependency>\s*<groupId>[^<]+</groupId>\s*<artifactId>([^<]+)</artifactId>"
                       r"\s*<version>([^<]+)</version>", pom)
    assert len(found) == pom.count("<dependency>") > 30
    for artifact, version in found:
        (folder / f"{artifact}-{variables.get(version.strip('${}'), version)}.jar").touch()
    return folder


def kcl_host_of(host, binary):
    """The process id of the kcl-host that a launcher started."""
    def find():
        for pid in host.marked():
            try:
                if os.path.samefile(f"/proc/{pid}/exe", binary):
                    return pid
            except OSError:
                pass
        return None
    return host.wait_for(find, "the launcher to start kcl-host")


def check_run(host, binary, stream, notes, n):
    """Records flow, SIGTERM to kcl-host is a graceful stop, and the launcher ends with it. Returns its status."""
    host.wait_for(lambda: notes.seen() == n, f"all {n} records")
    os.kill(kcl_host_of(host, binary), signal.SIGTERM)
    status = host.wait_exit()
    host.wait_no_children()
    journal.check_exactly_once(notes, stream)
    for shard in notes.shards():
        (session,) = notes.sessions(shard)
        assert session.saw("shutdownRequested")
        assert session.events[-1][0] == "leaseLost"
    return status


def test_the_python_helper(binary, real_parts, stream, launch, write_properties, app, notes, tmp_path):
    """As its README says: $(amazon_kclpy_helper.py --print_command …)"""
    stream.put(500)
    logback = tmp_path / "logback.xml"
    logback.write_text('<configuration><root level="WARN"><appender-ref ref="A"/></root></configuration>\n')
    words = [sys.executable, real_parts.kclpy_helper(), "--print_command", "--java", binary, "--properties",
             write_properties(app), "--log-configuration", logback, "--path", tmp_path]
    host = launch(["sh", "-c", f"exec $({shlex.join(map(str, words))})"])
    assert check_run(host, binary, stream, notes, 500) == 0
    (line,) = [line for line in host.text().splitlines() if "logback.xml" in line]
    assert "level=warn" in line
    assert [line for line in host.text().splitlines() if line.startswith("info ")] == [line]


def test_the_python_helpers_own_sample(binary, real_parts, launch, kinesis, dynamodb):
    """--sample: the file that the library ships; a stream of that name is not there, and the answer says so."""
    words = [sys.executable, real_parts.kclpy_helper(), "--print_command", "--java", binary, "--sample"]
    host = launch(["sh", "-c", f"exec $({shlex.join(map(str, words))})"], {
        "AWS_ENDPOINT_URL_KINESIS": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.endpoint})
    host.wait_event("127.0.0.1:1")
    assert host.terminate()[0] == 0


@pytest.mark.parametrize("way", ["-j", "JAVA_HOME"])
def test_the_node_bootstrap(way, binary, real_parts, stream, launch, write_properties, app, notes, jars, java_home):
    """kcl-bootstrap has a status of its own, 0, whatever becomes of the daemon."""
    stream.put(500)
    java, environment = (["-j", binary], {}) if way == "-j" else ([], {"JAVA_HOME": str(java_home)})
    host = launch(["node", real_parts.aws_kcl() / "bin" / "kcl-bootstrap", "-e", *java, "-p", write_properties(app),
                   "-c", jars], environment)
    assert check_run(host, binary, stream, notes, 500) == 0
    assert f"{DAEMON} --properties-file" in host.text()
    assert "Starting MultiLangDaemon" in host.text()


def test_the_rakefile_of_the_ruby_client(binary, stream, launch, write_properties, app, notes, java_home):
    """The command that `rake run properties_file=…` puts together, run by the shell as rake's sh does."""
    stream.put(500)
    properties = write_properties(app)
    host = launch(["sh", "-c", f'exec "$JAVA_HOME/bin/java" -classpath /jars/a.jar:/jars/b.jar:{properties.parent} '
                               f"{DAEMON} --properties-file {properties}"], {"JAVA_HOME": str(java_home)})
    assert check_run(host, binary, stream, notes, 500) == 0


def test_a_start_script_of_kcl_1(binary, stream, launch, write_properties, app, notes, java_home):
    """With options of the JVM, the class of that time, and a file that is found along the class path alone."""
    stream.put(500)
    properties = write_properties({**app, "regionName": None, "AwsCredentialsProvider": None,
                                   "AWSCredentialsProvider": "SystemPropertiesCredentialsProvider"})
    etc = properties.parent / "etc"
    etc.mkdir()
    properties.rename(etc / "kcl.properties")
    host = launch([java_home / "bin" / "java", "-server", "-Xmx256m", "-XX:+UseG1GC", "-Dfile.encoding=UTF-8",
                   "-Daws.accessKeyId=x", "-Daws.secretKey=y", "-Daws.region=us-east-1", "--add-opens",
                   "java.base/java.lang=ALL-UNNAMED", "-cp", f"/opt/kcl/*:{etc}", OLD_DAEMON, "kcl.properties"],
                  {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None})
    assert check_run(host, binary, stream, notes, 500) == 0


def test_arguments_from_a_file(binary, stream, launch, write_properties, app, notes, tmp_path):
    stream.put(500)
    (tmp_path / "args").write_text(f"# where it is\n--properties-file\n{write_properties(app)}\n")
    host = launch([binary, "@args"])
    assert check_run(host, binary, stream, notes, 500) == 0


def run(argv):
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=30 * wait.PATIENCE,
                          check=False)


def test_a_probe_for_java_finds_one(java_home):
    java = java_home / "bin" / "java"
    for argv, stream_name in (([java, "-version"], "stderr"), ([java, "--version"], "stdout"),
                              ([java, "-Xmx64m", "-version"], "stderr")):
        done = run(argv)
        said = getattr(done, stream_name)
        assert done.returncode == 0
        assert re.match(r'java version "17\.', said)
        assert "kcl-host" in said
        assert done.stdout + done.stderr == said


@pytest.mark.parametrize("words, asked", [
    (["org.example.Main", "x"], "org.example.Main"),
    (["-cp", "x", "software.amazon.kinesis.multilang.Other"], "software.amazon.kinesis.multilang.Other"),
    (["-jar", "app.jar"], "app.jar"),
    (["@jvm-flags", DAEMON, "p"], "@jvm-flags"),
    (["--properties", "p"], "--properties"),
    ([], DAEMON),
])
def test_what_only_a_real_java_can_do_is_named(words, asked, java_home, exit_status):
    done = run([java_home / "bin" / "java", *words])
    assert done.returncode == exit_status["USAGE"]
    first, second = done.stderr.splitlines()
    assert asked in first
    assert second == "Try 'kcl-host --help' for more information."
    assert done.stdout == ""


def test_the_daemons_own_mistakes(java_home, exit_status, tmp_path):
    """Statuses are kcl-host's own, and not Java's 1."""
    daemon = [java_home / "bin" / "java", "-cp", "x", DAEMON]
    for words, status, said in (
            ([], "USAGE", "no properties file is given"),
            (["a", "b"], "USAGE", "one properties file is wanted, not both a and b"),
            (["-p"], "USAGE", "option -p needs a value"),
            ([f"@{tmp_path}/none"], "USAGE", "argument file: "),
            (["--properties-file", "none.properties"], "NOINPUT", "none.properties"),
            (["-p", tmp_path], "NOINPUT", str(tmp_path))):
        done = run([*daemon, *words])
        assert (done.returncode, said in done.stderr) == (exit_status[status], True), done.stderr
        assert len(done.stderr.splitlines()) == (2 if status == "USAGE" else 1)


def test_help_and_version(binary):
    for word in ("--help", "-h"):
        done = run([binary, word])
        assert done.returncode == 0 and done.stderr == ""
        assert done.stdout.startswith("Usage: kcl-host ")
        assert "Exit status:" in done.stdout
    for word in ("--version", "-V"):
        done = run([binary, word])
        assert done.returncode == 0 and done.stderr == ""
        assert re.fullmatch(r"kcl-host \d+\.\d+\.\d+", done.stdout.splitlines()[0])
