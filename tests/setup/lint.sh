#!/bin/sh
# Everything that looks at the source without running it.
set -eu

cd "$(dirname "$0")/../.."

echo "checking the formatting"
cargo fmt --all -- --check
echo "running clippy (some minutes the first time)"
cargo clippy --workspace --all-targets --quiet -- -D warnings
echo "checking the documentation"
RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --quiet

if ! command -v cargo-deny >/dev/null; then
    echo "skipped the check of dependencies: cargo install cargo-deny --locked"
    exit 0
fi
echo "checking licences and sources of dependencies"
cargo deny --log-level error check bans licenses sources
# The list of known vulnerabilities comes from the network; one that cannot be reached is no failure of this code.
if timeout --foreground --kill-after=5 60 cargo deny --log-level off fetch db </dev/null >/dev/null 2>&1; then
    echo "checking for known vulnerabilities"
    cargo deny --log-level error check --disable-fetch advisories
else
    echo "skipped known vulnerabilities: their database cannot be reached"
fi
