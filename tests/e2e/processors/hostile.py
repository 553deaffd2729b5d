#!/usr/bin/env python3
"""On the shard KH_VICTIM (and the worker KH_AT, if set) a record processor that does what KH_HOSTILE names; elsewhere, and
where that is over, measure.py.

Standard library only: it speaks the protocol itself, or rather does not.
"""

import json
import os
import signal
import subprocess
import sys
import time




def say(text):
    os.write(1, text.encode() + b"\n")


def status(action):
    say(json.dumps({"action": "status", "responseFor": action}))


def hear():
    line = sys.stdin.readline()
    if not line:
        raise SystemExit(0)
    return json.loads(line)


def behave():
    os.execvp("measure.py", ["measure.py"])


def until_first_batch():
    """Answers initialize; returns the first batch, unanswered."""
    hear()
    status("initialize")
    return hear()


def forever():
    while True:
        time.sleep(3600)


def flood_stdout():
    until_first_batch()
    block = b"nothing that anybody asked for\n" * 2000
    while True:
        os.write(1, block)


def flood_stderr():
    until_first_batch()
    block = b"and a complaint\n" * 4096
    for _ in range(500):  # the test keeps what it says
        os.write(2, block)
    forever()


def long_line():
    block = b"x" * (1 << 20)
    for _ in range(100):
        os.write(1, block)
    os.write(1, b"\n")
    behave()


def never_read():
    status("initialize")
    forever()


def hold_pipes():
    """A grandchild that left the process group keeps all three pipes."""
    until_first_batch()
    subprocess.Popen(["sleep", "20"], start_new_session=True)
    raise SystemExit(3)


def behind_a_wrapper():
    """As with a script that does not exec: the one that works is a grandchild, and hangs."""
    until_first_batch()
    subprocess.run([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
                    "print('behind the wrapper', file=__import__('sys').stderr, flush=True); time.sleep(3600)"], check=False)


def ignore_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    until_first_batch()
    forever()


def exit_at_once():
    raise SystemExit(9)


def wrong_json():
    until_first_batch()
    for line in ("{\"action\":\"status\",\"responseFor\":", "null", "[", "{\"action\":5}", "\x00\xff", "{}}}"):
        say(line)
    forever()


def wrong_answer():
    until_first_batch()
    status("shardEnded")
    forever()


def answer_twice():
    """Every action is answered twice; otherwise all is well, and the records count."""
    while True:
        message = hear()
        if message["action"] == "checkpoint":
            continue
        note(message)
        if message["action"] == "processRecords":
            say(json.dumps({"action": "checkpoint"}))
        status(message["action"])
        status(message["action"])


def note(message):
    path = os.path.join(os.environ["KH_JOURNAL"], os.environ["KCL_SHARD_ID"] + ".jsonl")
    seen = [{"event": "initialize", "sequence": message.get("sequenceNumber")}] * (message["action"] == "initialize")
    seen += [{"event": "record", "sequence": r["sequenceNumber"], "data": ""} for r in message.get("records", ())]
    with open(path, "a", encoding="utf-8") as file:
        for event in seen:
            file.write(json.dumps({**event, "pid": os.getpid(), "at": time.monotonic()}) + "\n")


def foreign_numbers():
    """Checkpoints that are nobody's; each must be refused, and the shard goes on."""
    first = until_first_batch()
    last = int(first["records"][-1]["sequenceNumber"])
    wrong = [str(last + 1), "None", "", "SHARD_END", "LATEST", "-5", "9" * 200]
    for number in wrong:
        say(json.dumps({"action": "checkpoint", "sequenceNumber": number}))
        answer = hear()
        if answer["error"] != "IllegalArgumentException" or answer["sequenceNumber"] != number:
            print(f"hostile: {number} was answered with {answer}", file=sys.stderr)
            raise SystemExit(1)
    print("hostile: all were refused", file=sys.stderr, flush=True)
    status("processRecords")
    forever()


def close_stdin():
    until_first_batch()
    os.close(0)
    forever()


def close_stdout():
    until_first_batch()
    os.close(1)
    forever()


def die_in_checkpoint():
    until_first_batch()
    say(json.dumps({"action": "checkpoint"}))
    os.kill(os.getpid(), signal.SIGKILL)


def stop_itself():
    until_first_batch()
    os.kill(os.getpid(), signal.SIGSTOP)


def forget_the_end():
    """A usual mistake: shardEnded without a checkpoint."""
    while True:
        message = hear()
        if message["action"] != "checkpoint":
            status(message["action"])


def old():
    """A processor of KCL 1.x, which ends at a message it does not know."""
    while True:
        message = hear()
        note(message)
        if message["action"] == "shutdown":
            print(f"old: shutdown {message['reason']}", file=sys.stderr, flush=True)
            if message["reason"] == "TERMINATE":
                say(json.dumps({"action": "checkpoint", "checkpoint": None}))
                hear()
        elif message["action"] not in ("initialize", "processRecords"):
            raise SystemExit(f"old: what is {message['action']}?")
        status(message["action"])


if __name__ == "__main__":
    if os.environ["KCL_SHARD_ID"] != os.environ["KH_VICTIM"]:
        behave()
    if os.environ.get("KH_AT", os.environ["KCL_WORKER_ID"]) != os.environ["KCL_WORKER_ID"]:
        behave()
    globals()[os.environ["KH_HOSTILE"]]()
