#!/bin/sh
# deliver.sh FROM TO: copies a built file, unless TO is the same already: then nothing that depends on it is rebuilt
# and a running daemon that watches it sees no change.
set -eu

if ! cmp -s "$1" "$2"; then
    mkdir -p "$(dirname "$2")"
    # Never half a file under the final name.
    cp "$1" "$2.new"
    mv "$2.new" "$2"
    echo "$2 ($(stat -c %s "$2") bytes)"
fi
