#!/bin/sh
# Makes sure that nats-server is in PATH: Debian's package, if it may be installed here.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if ! command -v nats-server >/dev/null; then
    "$here/debian.sh" nats-server
fi
