"""The file, the environment and --set, and what kcl-host config makes of them; no server at all."""

import json
import os
import subprocess

import pytest

from lib import front

FILE = "executableName = ${RUN:-cat}\napplicationName = app\nstreamName = orders\nretrievalMode = POLLING\n"


@pytest.fixture
def config(binary, tmp_path):
    """config(text, environment, *arguments): the process, after it ended."""
    def run(text, environment=None, *arguments, file=None):
        path = tmp_path / "app.properties"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "KCL_"))}
        return subprocess.run([binary, *arguments, "--properties", file or str(path)], input=path.read_bytes(),
                              env={**clean, **(environment or {})}, capture_output=True, timeout=60, check=False)
    return run


def settings(done):
    assert done.returncode == 0, done.stderr
    return {row["key"]: row for row in json.loads(done.stdout)["settings"]}


def test_each_source_beats_the_one_before(config):
    found = settings(config(FILE + "maxRecords = 1\nfailoverTimeMillis = 1000\n",
                            {"KCL_MAX_RECORDS": "2", "KCL_failoverTimeMillis": "2000", "RUN": "sort"}, "config", "--json",
                            "--set", "maxRecords=3"))
    assert found["maxRecords"] == {"key": "maxRecords", "value": "3", "origin": "option"}
    assert found["failoverTimeMillis"] == {"key": "failoverTimeMillis", "value": "2000", "origin": "environment",
                                           "name": "KCL_failoverTimeMillis"}
    assert found["executableName"] == {"key": "executableName", "value": "sort", "origin": "file", "line": 1}
    assert found["tableName"] == {"key": "tableName", "value": "app", "origin": "key", "name": "applicationName"}
    assert found["maxLeasesForWorker"] == {"key": "maxLeasesForWorker", "value": "2147483647", "origin": "default"}


def test_the_text_form_has_the_origin_first(config):
    done = config(FILE, {"KCL_STREAM_NAME": "other"}, "config")
    lines = done.stdout.decode().splitlines()
    assert "line 2                       applicationName = app" in lines
    assert "KCL_STREAM_NAME              streamName = other" in lines
    assert "default                      maxRecords = 10000" in lines
    assert done.stderr == b""


def test_the_file_may_come_from_standard_input(config):
    assert settings(config(FILE, None, "config", "--json", file="-"))["streamName"]["value"] == "orders"
    done = config("maxRecords = x\n", None, "config", file="-")
    assert done.returncode == 78
    assert b'kcl-host: standard input:1: maxRecords = "x" cannot be used; allowed: a whole number' in done.stderr


def test_secrets_are_not_printed(config):
    text = FILE + ("AwsCredentialsProvider = StsAssumeRoleCredentialsProvider|arn:r|s|externalId=topSecret\n"
                   "tableName = ${MY_TOKEN}\n")
    for arguments in (["config"], ["config", "--json"], ["config", "--set", "maxRecords=x"]):
        done = config(text, {"MY_TOKEN": "topSecret"}, *arguments)
        assert b"topSecret" not in done.stdout + done.stderr


def test_mistakes_of_all_sources_are_told_at_once(config):
    done = config(FILE + "maxRecords = many\nworkerId = ${NOT_SET_AT_ALL}\n", {"KCL_LOG_LEVEL": "loud"}, "--set",
                  "retrievalMod=POLLING")
    said = done.stderr.decode().splitlines()
    assert done.returncode == 78
    assert len([line for line in said if line.startswith("kcl-host: ")]) == 4
    assert any("app.properties:5: maxRecords = \"many\" cannot be used; allowed: a whole number from 1 to 10000" in line
               for line in said)
    assert any("app.properties:6: workerId" in line and "NOT_SET_AT_ALL" in line for line in said)
    assert any("environment variable KCL_LOG_LEVEL: logLevel = \"loud\"" in line for line in said)
    assert "kcl-host: --set: unknown key \"retrievalMod\"; did you mean retrievalMode?" in said


@pytest.mark.parametrize("pair, words", [
    ("leaseStore=papyrus:/x", ["leaseStore", "papyrus:/x", "sqlite:PATH"]),
    ("assignment=pinned:[", ["assignment", "no regular expression"]),
    ("source=folder:x", ["source folder:x", "file:DIR"]),
    ("executableName=no_such_program", ["executableName", "no_such_program", "PATH"]),
    ("AwsCredentialsProvider=NoSuch", ["AwsCredentialsProvider", "NoSuch", "DefaultCredentialsProvider"]),
    ("regionName=x+y", ["regionName", "x+y", "us-east-1"]),
    ("kinesisClient.region=x+y", ["kinesisClient.region", "x+y", "us-east-1"]),
    ("clientVersionConfig=CLIENT_VERSION_CONFIG_3X", ["clientVersionConfig", "AUTO"]),
])
def test_what_is_found_out_later_names_the_place_as_well(config, pair, words):
    """The three sources in turn, each with what only the part that uses the value can judge."""
    text = FILE + "regionName = us-east-1\nleaseStore = memory\n"
    key, value = pair.split("=", 1)
    kept = "".join(line + "\n" for line in text.splitlines() if not line.startswith(key + " "))
    for done, place in ((config(f"{kept}{key} = {value}\n", None), f"app.properties:{kept.count(chr(10)) + 1}: "),
                        (config(kept, {f"KCL_{key.replace('.', '_')}": value}), "environment variable KCL_"),
                        (config(kept, None, "--set", pair), "--set: ")):
        said = [line for line in done.stderr.decode().splitlines() if line.startswith("error ")]
        assert done.returncode == 78, done.stderr
        assert len(said) == 1, said
        assert all(word in said[0] for word in [place, *words]), said[0]


# Files that are odd: one sentence, the right status.


def complaint(done, status):
    lines = [line for line in done.stderr.decode().splitlines() if line.startswith("kcl-host: ")]
    assert done.returncode == status, done.stderr
    assert len(lines) == 1, lines
    return lines[0]


def test_a_latin_1_file_is_read_as_such(config):
    found = settings(config("applicationName = caf\xe9\nexecutableName = cat\nstreamName = s\n".encode("latin-1"), None,
                            "config", "--json"))
    assert found["applicationName"]["value"] == "café"


def test_a_byte_order_mark_is_no_part_of_the_first_key(config):
    found = settings(config("\ufeff" + FILE, None, "config", "--json"))
    assert found["executableName"]["value"] == "cat"


def test_an_empty_file_lacks_what_is_required(config):
    done = config("", None)
    assert done.returncode == 78
    said = [line for line in done.stderr.decode().splitlines() if line.startswith("kcl-host: ")]
    assert [line.split(": ")[2].split()[0] for line in said] == ["executableName", "applicationName", "streamName"]


def test_a_folder_is_no_file(config, tmp_path):
    assert "Is a directory" in complaint(config("", None, file=str(tmp_path)), 66)


def test_a_file_that_may_not_be_read(config, tmp_path):
    path = tmp_path / "locked.properties"
    path.write_text(FILE)
    path.chmod(0)
    if os.access(path, os.R_OK):  # root reads everything but a link to itself
        path.unlink()
        path.symlink_to(path)
    assert str(path) in complaint(config("", None, file=str(path)), 66)


def test_a_missing_folder_on_the_way(config, tmp_path):
    assert "No such file" in complaint(config("", None, file=str(tmp_path / "none" / "app.properties")), 66)
    (tmp_path / "plain").write_text("")
    assert "Not a directory" in complaint(config("", None, file=str(tmp_path / "plain" / "app.properties")), 66)


def test_a_file_of_100_mb_is_refused_at_once(config, tmp_path):
    path = tmp_path / "big.properties"
    with open(path, "wb") as file:
        file.truncate(100 << 20)
    assert "has more than the 1048576 bytes that a properties file may have" in complaint(config("", None, file=str(path)), 78)


def test_each_service_may_have_its_own_region(stream, start, app, notes, kinesis, dynamodb, exit_status):
    """The fronts see to the signatures; the stream is where regionName is not."""
    stream.put(100)
    with front.Front(kinesis.endpoint) as stream_side, front.Front(dynamodb.endpoint) as table_side:
        host = start({**app, "regionName": "eu-west-1", "kinesisClient.region": "us-east-1",
                      "kinesisEndpoint": stream_side.endpoint, "dynamoDBEndpoint": table_side.endpoint})
        host.wait_for(lambda: notes.seen() == 100, "all records")
        assert host.terminate()[0] == 0
    assert stream_side.regions == {"us-east-1"}
    assert table_side.regions == {"eu-west-1"}
    assert stream_side.problems + table_side.problems == []
    host = start({**app, "dynamoDbClient.region": "nowhere at all"})
    assert host.wait_exit() == exit_status["CONFIG"]
    assert 'dynamoDbClient.region: "nowhere at all" should look like us-east-1' in host.text().replace("\\", "")


def test_a_processor_is_started_with_what_was_set(start, tmp_path, notes):
    (tmp_path / "stream").mkdir()
    (tmp_path / "stream" / "shardId-0.ndjson").write_text("")
    host = start({"executableName": "none.py", "streamArn": None, "streamName": None, "applicationName": "a",
                  "AwsCredentialsProvider": None, "regionName": None, "leaseStore": "memory"},
                 {"KCL_SOURCE": f"file:{tmp_path / 'stream'}"}, ["--set", "executableName=measure.py"])
    host.wait_for(lambda: "shardId-0" in notes.shards(), "a child")
    assert host.terminate()[0] == 0
