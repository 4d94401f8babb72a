#!/bin/bash
# The daemon at work: simulated exchanges, a nats-server and the shipped configuration with other addresses.
#
# Both servers are on free loopback ports of their own, and everything is taken away again however it ends: by Ctrl-C,
# SIGTERM, a closed terminal, a time limit or a failure. Called by `make demo`, which says what the variables mean.
set -euo pipefail

# At a terminal this script takes the terminal for itself, so that Ctrl-C reaches it and not the `make` around it:
# `make demo` then ends well, not as interrupted.
if [[ -t 0 && -z ${DEMO_HAS_TERMINAL:-} ]] && command -v setpriv >/dev/null; then
    DEMO_HAS_TERMINAL=yes exec bash -m -c 'setpriv --pdeathsig INT "$0"; exit $?' "$0"
fi

cd "$(dirname "$0")/../.."
: "${CONFIG:=config/marketprism.yaml}" "${SYMBOLS:=BTCUSDT,ETHUSDT}" "${FAULTS:=light,drop=0.004,close=0.0001}" "${RATE:=250}" "${SEED:=1}"
: "${DEMO_SECONDS:=}" "${NATS_SERVER:=nats-server}"
: "${MARKETPRISM:=target/release/marketprism}" "${EXCHANGE_SIM:=target/release/exchange-sim}"

say() { echo "demo: $*" >&2; }

if ! [[ $DEMO_SECONDS =~ ^[0-9]*$ ]]; then
    say "DEMO_SECONDS is a whole number of seconds, not $DEMO_SECONDS"
    exit 64
fi
if ! [[ -r $CONFIG ]]; then
    say "cannot read the configuration $CONFIG"
    exit 66
fi

work=
interrupted=
servers=()
daemon=

# pause SECONDS, without a process that Ctrl-C could reach or leave behind: nothing ever comes through this pipe.
exec {silence}<> <(:)
pause() {
    read -r -t "$1" -u "$silence" || true
}

# end PID SIGNAL SECONDS: asks a job to end, and makes it end after some seconds.
end() {
    local pid=$1 signal=$2 tries=$(($3 * 20))
    kill "-$signal" "$pid" 2>/dev/null || true
    while ((tries-- > 0)) && running "$pid"; do
        pause 0.05
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
}

# False for a job that ended, also before it was waited for.
running() {
    [[ -n $(jobs -r -p | grep -x "$1") ]]
}

clean_up() {
    local status=$?
    trap '' INT TERM HUP
    [[ -z $daemon ]] || end "$daemon" INT 5
    local server
    for server in "${servers[@]}"; do
        end "$server" TERM 5
    done
    [[ -z $work ]] || rm -rf "$work"
    # Whatever was asked to end may say so in its status.
    if [[ -n $interrupted && ($status == 130 || $status == 143) ]]; then
        status=0
    fi
    exit "$status"
}
trap clean_up EXIT
trap 'interrupted=yes' INT TERM HUP
work=$(mktemp -d "${TMPDIR:-/tmp}/marketprism-demo.XXXXXX")

# Jobs get a process group of their own (set -m): Ctrl-C reaches only this script, which then ends the daemon first
# (it delivers what it holds) and the servers after it.
# Should this script be killed outright, the kernel takes its jobs with it.
tied=()
if command -v setpriv >/dev/null; then
    tied=(setpriv --pdeathsig TERM)
fi

# serve LOG PATTERN COMMAND...: starts a server and waits until its log holds the pattern: $found is the first match.
serve() {
    local log=$1 pattern=$2 _
    shift 2
    set -m
    "${tied[@]}" "$@" </dev/null &>"$log" &
    servers+=($!)
    set +m
    found=
    for _ in {1..200}; do
        [[ -z $interrupted ]] || exit 0
        running "${servers[-1]}" || break
        found=$(grep -hs -o "$pattern" "$log" | head -n 1 || true)
        [[ -z $found ]] || return 0
        pause 0.05
    done
    say "$1 did not start:"
    cat "$log" >&2
    exit 69
}

if ! command -v "$NATS_SERVER" >/dev/null; then
    say "there is no nats-server here: apt-get install nats-server"
    exit 69
fi
# Port -1: the server takes a free one.
serve "$work/nats.log" '127\.0\.0\.1:[1-9][0-9]*' "$NATS_SERVER" --addr 127.0.0.1 --port -1 \
    --jetstream --store_dir "$work/jetstream"
nats=nats://$found
# The exchanges that the configuration has a block for.
venues=$(grep -oE '^  (binance_spot|binance_derivatives|okx_spot|okx_derivatives|deribit_derivatives):' "$CONFIG" |
    tr -d ' :' | paste -s -d , || true)
if [[ -z $venues ]]; then
    say "$CONFIG has no block of an exchange that can be simulated"
    exit 66
fi
serve "$work/exchange.log" '^ready$' "$EXCHANGE_SIM" --venues "$venues" --symbols "$SYMBOLS" --faults "$FAULTS" \
    --rate "$RATE" --seed "$SEED"

# The configuration as it is shipped, but for where the exchanges are.
awk '
    NR == FNR { if ($2 ~ /^ws:/) { ws[$1 ":"] = $2; http[$1 ":"] = $3 }; next }
    { print }
    /^  [a-z_]+:/ && $1 in ws { print "    api: { base_url: \"" http[$1] "\", ws_url: \"" ws[$1] "\" }" }
' "$work/exchange.log" "$CONFIG" >"$work/marketprism.yaml"

say "the simulated exchanges lose, double, swap and damage some frames on purpose ($FAULTS):"
while read -r venue _ http; do
    say "  $venue at ${http#http://}"
done < <(grep ' ws://' "$work/exchange.log")
say "nats-server is at $nats"
say "health: http://127.0.0.1:${HEALTH_CHECK_PORT:-8087}/health  metrics: http://127.0.0.1:${METRICS_PORT:-9092}/metrics"
say "what is published: $MARKETPRISM tail --nats $nats"
say "Ctrl-C ends it"
set -m
MARKETPRISM_NATS_URL=$nats "${tied[@]}" "$MARKETPRISM" --log-level "${MARKETPRISM_LOG_LEVEL:-WARNING}" \
    run --config "$work/marketprism.yaml" --view lines </dev/null &
daemon=$!
set +m

# Ends with the daemon, a signal, or the time limit, whichever is first.
SECONDS=0
while [[ -z $interrupted ]] && running "$daemon"; do
    if [[ -n $DEMO_SECONDS ]] && ((SECONDS >= DEMO_SECONDS)); then
        say "$DEMO_SECONDS s are over"
        interrupted=yes
    fi
    pause 0.2
done
if running "$daemon"; then
    end "$daemon" INT 10
fi
status=0
wait "$daemon" || status=$?
daemon=
if ((status != 0)) && [[ -z $interrupted ]]; then
    say "the daemon ended with status $status"
fi
exit "$status"
