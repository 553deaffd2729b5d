"""Java 3.1.3 and kcl-host on one lease table, in the mode of KCL 3.x: who leads says who reads what, and leases go from
hand to hand.
"""

import there_and_back as way
from checks import check


def handed(fleet, old, new):
    """Leases seen on their way from one kind of worker to the other: with a checkpointOwner."""
    return [f"{shard[-2:]} {giver} > {taker}" for shard, giver, taker in sorted(fleet.watch.handed)
            if (fleet.kinds[giver], fleet.kinds[taker]) == (old, new)]


def reports(fleet, name):
    fleet.until(lambda: fleet.watch.state_item("WorkerMetricStats", "wid", name), f"{name} to report its load")


def test_there_and_back_with_java_3_1_3(at_work, figure):
    with at_work("3.1.3", shards=6) as fleet:
        way.java_alone(fleet)
        left = way.mixed(fleet)
        way.java_leaves(fleet, left)
        reports(fleet, "host-2")
        fleet.until(lambda: fleet.watch.leader() == "host-2", "host-2 to lead")
        way.kcl_host_alone(fleet)
        fleet.until(lambda: fleet.watch.leader() == "host-3", "host-3 to lead")
        way.back_to_java(fleet)
        assert "info fleet.handoff_begun" in fleet.workers["host-3"].text(), "java-3 was not handed what it owns"
        fleet.until(lambda: fleet.watch.leader() == "java-3", "java-3 to lead")
    check(fleet, "Java 3.1.3", figure)
    figure(f"    led by {', '.join(fleet.watch.leaders)}; seen on their way: "
           + ", ".join(handed(fleet, "java", "kcl-host") + handed(fleet, "kcl-host", "java")))
    for host in fleet.of_kind("kcl-host"):
        assert "info fleet.works_as_3x" in fleet.workers[host].text()
    assert handed(fleet, "java", "kcl-host"), "nothing was handed to the kcl-hosts that came to Java's fleet"
