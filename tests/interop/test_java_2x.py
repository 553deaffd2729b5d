"""Java 2.7.2 and kcl-host on one lease table, in the layout of KCL 2.x."""

import there_and_back

# Each of these was seen with two Java daemons alone.
JAVA_SAYS = {}


def test_there_and_back_with_java_2_7_2(there, figure):
    with there("2.7.2") as fleet:
        there_and_back.run(fleet)
    there_and_back.check(fleet, figure)
