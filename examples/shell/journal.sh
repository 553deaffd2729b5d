#!/bin/sh
# A processor in plain shell that writes down all that it is told, and goes on.
#
# $JOURNAL_DIR/SHARD.jsonl gets one JSON object a callback and record; of a record the data stays in base64. The host
# writes each message without blanks and with its members in a fixed order, which is why sed is enough to read it.
set -eu
export LC_ALL=C

dir=${JOURNAL_DIR:-journal}
mkdir -p "$dir"
last=null

# member NAME: the text or number of a member of $line.
member() {
    printf '%s\n' "$line" | sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"
}

# What every line of the journal begins with.
begin() {
    read -r at _ </proc/uptime
    printf '{"event":"%s","pid":%d,"at":%s' "$1" $$ "$at"
}

# note EVENT [MORE]: MORE is a list of members.
note() {
    printf '%s%s}\n' "$(begin "$1")" "${2:+,$2}" >>"$journal"
}

# One line of the journal for each record of $line.
records() {
    printf '%s\n' "$line" | sed 's/{"data":"/\
&/g' | sed -n 's/^{"data":"\([^"]*\)","partitionKey":\(".*"\),"sequenceNumber":\("[0-9]*"\),.*"subSequenceNumber":\([0-9]*\).*/'"$(begin record)"',"sequence":\3,"sub_sequence":\4,"key":\2,"base64":"\1"}/p'
}

# At everything that was delivered so far. Throttling passes; any other failure the next checkpoint makes good, because
# it covers this one.
checkpoint() {
    for pause in 0.1 0.2 0.4 0.8 1.6; do
        note checkpoint.asked "\"sequence\":$last"
        echo '{"action":"checkpoint","sequenceNumber":null,"subSequenceNumber":null}'
        IFS= read -r line || exit 1
        case $line in
        *'"error":null'*)
            note checkpoint.done "\"sequence\":$last"
            return
            ;;
        esac
        error=$(member error)
        note checkpoint.refused "\"sequence\":$last,\"error\":\"$error\""
        if [ "$error" != ThrottlingException ]; then
            echo "$shard: no checkpoint: $error" >&2
            return
        fi
        sleep "$pause"
    done
}

while IFS= read -r line; do
    action=$(member action)
    case $line in # a record's own "action" stands behind the one that is meant
    '{"action":"processRecords"'*) action=processRecords ;;
    esac
    case $action in
    initialize)
        shard=$(member shardId)
        journal=$dir/$shard.jsonl
        note initialize "\"sequence\":\"$(member sequenceNumber)\""
        ;;
    processRecords)
        records >"$journal.batch"
        n=$(wc -l <"$journal.batch")
        note processRecords "\"records\":$n"
        if [ "$n" -gt 0 ]; then
            cat "$journal.batch" >>"$journal"
            last=$(tail -n 1 "$journal.batch" | sed 's/.*"sequence":\("[0-9]*"\).*/\1/')
            checkpoint
        fi
        rm "$journal.batch"
        ;;
    shardEnded | shutdownRequested)
        note "$action"
        checkpoint
        ;;
    leaseLost)
        note leaseLost
        ;;
    *)
        echo "unknown action $action" >&2
        exit 1
        ;;
    esac
    printf '{"action":"status","responseFor":"%s"}\n' "$action"
done
