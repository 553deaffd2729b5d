"""Java 3.1.3 and kcl-host on one lease table, in the mode of KCL 3.x."""

import there_and_back

# Each of these was seen with two Java daemons alone.
JAVA_SAYS = {}


def test_there_and_back_with_java_3_1_3(there, figure):
    with there("3.1.3") as fleet:
        there_and_back.run(fleet)
    there_and_back.check(fleet, figure)
