"""Java 3.1.3 on its way from 2.x, beside a kcl-host that made the table: a freeze, the step to 3.x, and back."""

import re
import signal
import time

import checks

FROM_2X = {"clientVersionConfig": "CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X"}

HOST_MAY_SAY = [
    # While DynamoDB Local makes the index that Java wants, it refuses writes to the table with an InternalFailure
    # ("table … has no column named indexKey_0" in its log). They are taken for unknown, and done again.
    r"warn store\.failed .*InternalFailure", r"warn hold\.write_unknown ",
    r"warn hold\.expired "]  # it was frozen


FOLLOWED = {"CLIENT_VERSION_3X_WITH_ROLLBACK": "info fleet.works_as_3x_with_rollback",
            "CLIENT_VERSION_2X": "info fleet.rolled_back_to_2x"}


def step_to(fleet, version, modified_by):
    """What the leader of a fleet does that has been ready for ten minutes, or an operator with KclMigrationTool.

    Returns how long each worker took to follow, as text.
    """
    table = f"{fleet.table}-CoordinatorState"
    old = fleet.watch.state_item("CoordinatorState", "key", "Migration3.0")
    entry = {"M": {name: old[name] for name in ("cv", "mb", "mts")}}
    fleet.dynamodb.update_item(
        TableName=table, Key={"key": {"S": "Migration3.0"}}, ConditionExpression="cv = :old",
        UpdateExpression="SET cv = :new, mb = :by, mts = :now, h = :history",
        ExpressionAttributeValues={":old": old["cv"], ":new": {"S": version}, ":by": {"S": modified_by},
                                   ":now": {"N": str(int(time.time() * 1000))},
                                   ":history": {"L": [entry, *old["h"]["L"]]}})
    begun = time.monotonic()
    took = {}

    def followed():
        for name, text in (("host-1", FOLLOWED[version]), ("java-1", f"Successfully transitioned to {version}")):
            if name not in took and text in fleet.workers[name].text():
                took[name] = time.monotonic() - begun
        return len(took) == 2

    fleet.until(followed, f"both to follow to {version}")  # Java looks once a minute, first after one and a half
    return f"{version}: " + ", ".join(f"{name} after {seconds:.0f} s" for name, seconds in took.items())


def test_java_upgrades_from_2x_and_rolls_back(at_work, figure):
    with at_work("3.1.3", 4, FROM_2X) as fleet:
        fleet.join_host("host-1")
        fleet.owns("host-1", 4)
        fleet.join_java("java-1")
        checks.make_strange(fleet)
        fleet.owns("java-1", 2)
        fleet.settle()
        fleet.until(lambda: fleet.watch.state_item("WorkerMetricStats", "wid", "host-1"), "host-1 to report its load")

        fleet.workers["host-1"].signal(signal.SIGSTOP)
        fleet.owns("java-1", 4)
        fleet.settle()
        fleet.workers["host-1"].signal(signal.SIGCONT)
        fleet.owns("host-1", 2)
        fleet.settle()

        steps = [step_to(fleet, "CLIENT_VERSION_3X_WITH_ROLLBACK", "java-1")]
        fleet.until(lambda: fleet.watch.leader() is not None, "a leader")
        fleet.settle()
        steps.append(step_to(fleet, "CLIENT_VERSION_2X", "KclMigrationTool-rollback"))
        fleet.settle()
        fleet.stop("host-1")
        fleet.gone("host-1")
        fleet.settle()
    checks.check(fleet, "Java 3.1.3 upgrading from 2.x, and back", figure, HOST_MAY_SAY)
    figure(f"    {'; '.join(steps)}")
    assert re.findall(r"^info (fleet\.\w+_2x|fleet\.works_\w+)", fleet.workers["host-1"].text(), re.M) == [
        "fleet.works_as_2x", "fleet.upgrades_from_2x", "fleet.works_as_3x_with_rollback", "fleet.rolled_back_to_2x"]
