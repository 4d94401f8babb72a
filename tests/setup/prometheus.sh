#!/bin/sh
# Makes sure that prometheus and promtool are in PATH: Debian's package, if it may be installed here.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if ! command -v promtool >/dev/null || ! command -v prometheus >/dev/null; then
    "$here/debian.sh" prometheus
fi
