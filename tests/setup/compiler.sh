#!/bin/sh
# Makes sure that there is a C compiler: Rust links with it, and the TLS library holds some C.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if ! command -v cc >/dev/null; then
    "$here/debian.sh" gcc libc6-dev
fi
