#!/bin/sh
# A record processor in plain shell: counts the words of each shard.
#
# It speaks the MultiLang protocol: one JSON object a line, actions on stdin, answers on stdout. The host writes each
# object without blanks and with its members in a fixed order, which is why sed is enough to read it.
#
# $WORDCOUNT_DIR/SHARD.counts holds what was counted: in its first line the position, then a count and a word a line.
# Counts and position are one file, replaced in one step and on disk before the checkpoint is asked for. So nothing is
# lost when this script, the host or the machine dies, and records that come again afterwards are not counted twice.
set -eu
export LC_ALL=C

dir=${WORDCOUNT_DIR:-build/wordcount.counts}
mkdir -p "$dir"

# member NAME: the text or number of a member of $line.
member() {
    printf '%s\n' "$line" | sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"
}

answer() {
    printf '{"action":"status","responseFor":"%s"}\n' "$1"
}

# checkpoint SEQUENCE_NUMBER SUB_SEQUENCE_NUMBER, both null for "everything I was given".
checkpoint() {
    printf '{"action":"checkpoint","sequenceNumber":%s,"subSequenceNumber":%s}\n' "$1" "$2"
    IFS= read -r line || exit 1
    case $line in
    *'"error":null'*) ;;
    *) echo "$shard: no checkpoint: $(member error)" >&2 ;; # the next one covers this one
    esac
}

# One line a record of $line: sequence number, sub-sequence number, data.
records() {
    printf '%s\n' "$line" | sed 's/{"data":"/\
&/g' | sed -n 's/^{"data":"\([^"]*\)".*"sequenceNumber":"\([0-9]*\)".*"subSequenceNumber":\([0-9]*\).*/\2 \3 \1/p'
}

# Of those, the ones behind the position in $counts. Sequence numbers are too long for arithmetic.
new_records() {
    awk -v position="$(head -n 1 "$counts")" '
        BEGIN { split(position, at) }
        length($1) > length(at[1]) || (length($1) == length(at[1]) &&
            ($1 "" > at[1] "" || ($1 "" == at[1] "" && $2 + 0 > at[2] + 0)))'
}

words() {
    while read -r _ _ data; do
        printf '%s' "$data" | base64 -d
        echo
    done | tr '[:upper:]' '[:lower:]' | tr -cs '[:alpha:]' '\n' | sed '/^$/d'
}

count_records() {
    records | new_records >"$counts.batch"
    [ -s "$counts.batch" ] || return 0
    {
        tail -n 1 "$counts.batch" | cut -d ' ' -f 1,2
        {
            tail -n +2 "$counts"
            words <"$counts.batch" | sed 's/^/1 /'
        } | awk '{ n[$2] += $1 } END { for (word in n) print n[word], word }' | sort -k 1,1nr -k 2
    } >"$counts.new"
    sync "$counts.new"
    mv "$counts.new" "$counts"
    sync "$dir"
    echo "$shard: $(wc -l <"$counts.batch") records, last is $(head -n 1 "$counts")" >&2
}

while IFS= read -r line; do
    action=$(member action)
    case $line in # a record's own "action" stands behind the one that is meant
    '{"action":"processRecords"'*) action=processRecords ;;
    esac
    case $action in
    initialize)
        shard=$(member shardId)
        counts=$dir/$shard.counts
        [ -e "$counts" ] || echo '0 0' >"$counts"
        ;;
    processRecords)
        last=$(records | tail -n 1)
        if [ -n "$last" ]; then
            count_records
            sequence_number=${last%% *}
            last=${last#* }
            checkpoint "\"$sequence_number\"" "${last%% *}"
        fi
        ;;
    shardEnded | shutdownRequested)
        checkpoint null null
        ;;
    esac
    answer "$action"
done
