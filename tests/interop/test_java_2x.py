"""Java 2.7.2 and kcl-host on one lease table, in the layout of KCL 2.x."""

import there_and_back as way
from checks import check


def test_there_and_back_with_java_2_7_2(at_work, figure):
    with at_work("2.7.2", shards=6) as fleet:
        way.java_alone(fleet)
        left = way.mixed(fleet)
        fleet.steady()
        way.java_leaves(fleet, left)
        way.kcl_host_alone(fleet)
        way.back_to_java(fleet)
    check(fleet, "Java 2.7.2", figure)
