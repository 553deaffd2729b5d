"""One lease table, handed from kcl-host to the real Java daemon and back. A minute or more: Java starts slowly."""

import time

from lib import java, journal, leases


def test_java_goes_on_where_we_stopped_and_we_where_java_died(stream, start, app, notes, real_parts, tmp_path, dynamodb,
                                                              figure):
    stream.put(400)
    host = start(app)
    host.wait_for(lambda: notes.seen() == 400, "all records")
    assert host.terminate()[0] == 0

    stream.put(400)
    begun = time.monotonic()
    daemon = java.JavaDaemon(real_parts, tmp_path, app, {"KH_JOURNAL": str(tmp_path / "journal")})
    try:
        daemon.wait_for(lambda: notes.seen() == 800, "the Java daemon to process the rest")
        java_s = time.monotonic() - begun
        daemon.wait_for(lambda: all_at_their_end(dynamodb, app, stream), "its checkpoints")
    finally:
        daemon.kill()

    stream.put(400)
    begun = time.monotonic()
    host = start(app)
    host.wait_for(lambda: notes.seen() == 1200, "our part after the Java daemon's death", 120)
    ours_s = time.monotonic() - begun
    assert host.terminate()[0] == 0
    sessions, repeats = journal.check_resumed(notes, stream)
    assert (sessions, repeats) == (12, 0)
    figure(f"one table: Java went on with our leases after {java_s:.0f} s, we with those of the killed daemon after "
           f"{ours_s:.1f} s (failover 10 s); none skipped, none repeated")


def all_at_their_end(dynamodb, app, stream):
    return leases.checkpoints(dynamodb.client, app["applicationName"]) == {
        shard: str(stream.expected(shard)[-1][0]) for shard in stream.by_shard}
