"""What the workers said above info: nothing, but for what is explained here."""

import re

# What two Java daemons without a kcl-host say too, or what has nothing to do with the table.
JAVA_MAY_SAY = {
    # 2.x waits for processors of finished shards that it has ended long ago, until shutdownGraceMillis is over.
    r"ERROR s\.a\.k\.multilang\.MultiLangDaemon .* Encountered an error during shutdown",
    # Nothing here tells a CPU's load in a way that Java knows.
    r"WARN  s\.a\.k\.worker\.WorkerMetricsSelector .* Did not find an operating range metadata provider",
    # metricsLevel NONE, and the daemon is stopping.
    r"WARN  s\.a\.k\.m\.CloudWatchPublisherRunnable .* Dropping metrics \[\]",
    # Its list of shards is of before the reshard. Matters to records of the KPL only.
    r"WARN  s\.a\.kinesis\.lifecycle\.ProcessTask .* Cannot get the shard for this ProcessTask",
    # The leader's first rounds, when no worker has reported yet.
    r"WARN  s\.a\.k\.c\.a\.LeaseAssignmentManager .* Not able to assign all expiredOrUnAssignedLeases",
    # Two daemons, started at the same time, both want to be the first to write Migration3.0. The loser tries again.
    r"ERROR .* Failed to update migration state",
}


def java_entries(text):
    """Log entries, each with its stack trace."""
    return re.split(r"\n(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[)", text)


def java_complaints(text):
    return [entry for entry in java_entries(text)
            if re.match(r"\S+ \S+ \[[^]]*\] (WARN|ERROR) ", entry) or "Exception" in entry]


def complaints(fleet, name):
    text = fleet.workers[name].text()
    if fleet.kinds[name] == "kcl-host":
        return [line for line in text.splitlines() if re.match(r"(warn|error) ", line)]
    return [entry for entry in java_complaints(text) if not any(re.search(may, entry) for may in JAVA_MAY_SAY)]


def check(fleet):
    assert {name: said for name in fleet.workers if (said := complaints(fleet, name))} == {}
