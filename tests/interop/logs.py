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
    # So do two who want to be the first to make the index.
    r"ERROR .* Caught exception when initializing LeaseCoordinator [^$]*createLeaseOwnerToLeaseKeyIndexIfNotExists",
    # The machine is busy.
    r"WARN  s\.a\.a\.h\.n\.n\.i\.http2\.Http2PingHandler .* Flushing PING frame took",
    # A daemon of a fleet that has migrated ends its part of the leader's election before the loop that asks it.
    r"ERROR s\.a\.kinesis\.coordinator\.Scheduler .* Worker\.run caught exception.*\n.* LeaderDecider uninitialized",
}
# The 2.x way of taking robs; and also 3.x takes leases of finished shards without a word.
HOST_MAY_SAY = [r"warn hold\.taken ", r"warn child\.checkpoint_refused .* error=ShutdownException"]


def java_entries(text):
    """Log entries, each with its stack trace."""
    return re.split(r"\n(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[)", text)


def java_complaints(text):
    return [entry for entry in java_entries(text)
            if re.match(r"\S+ \S+ \[[^]]*\] (WARN|ERROR) ", entry) or "Exception" in entry]


def complaints(fleet, host_may_say):
    """{worker: what it said}"""
    found = {}
    for name, worker in fleet.workers.items():
        if fleet.kinds[name] == "java":
            said, may = java_complaints(worker.text()), JAVA_MAY_SAY
        else:
            said, may = re.findall(r"^(?:warn|error) .*", worker.text(), re.M), [*HOST_MAY_SAY, *host_may_say]
        if said := [entry for entry in said if not any(re.search(pattern, entry) for pattern in may)]:
            found[name] = said
    return found
