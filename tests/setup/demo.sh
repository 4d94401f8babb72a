#!/bin/bash
# The daemon at work on one recording, at the recorded pace, printed as lines for people.
#
# Makes a synthetic recording when no CAPTURE is given, starts a nats-server of its own on a free loopback port, and
# takes everything away again however it ends: by itself, by Ctrl-C, SIGTERM, a closed terminal, or a failure.
# Called by `make demo`, which says what the variables mean.
set -euo pipefail

# At a terminal this script takes the terminal for itself, so that Ctrl-C reaches it and not the `make` around it:
# `make demo` then ends well, not as interrupted.
if [[ -t 0 && -z ${DEMO_HAS_TERMINAL:-} ]] && command -v setpriv >/dev/null; then
    DEMO_HAS_TERMINAL=yes exec bash -m -c 'setpriv --pdeathsig INT "$0"; exit $?' "$0"
fi

cd "$(dirname "$0")/../.."
: "${CAPTURE:=}" "${CONFIG:=config/marketprism.yaml}" "${EXCHANGE:=binance_spot}" "${SYMBOLS:=}" "${DEMO_SECONDS:=}"
: "${SEED:=1}" "${CAPTURE_SECONDS:=60}" "${NATS_SERVER:=nats-server}"
: "${MARKETPRISM:=target/release/marketprism}" "${SYNTHETIC_CAPTURE:=target/release/synthetic-capture}"

say() { echo "demo: $*" >&2; }

if ! [[ $DEMO_SECONDS =~ ^[0-9]*$ ]]; then
    say "DEMO_SECONDS is a whole number of seconds, not $DEMO_SECONDS"
    exit 64
fi
if [[ -n $CAPTURE && ! -r $CAPTURE ]]; then
    say "cannot read the recording $CAPTURE"
    exit 66
fi

work=
interrupted=
server=
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
    [[ -z $server ]] || end "$server" TERM 5
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
# (it prints its summary and delivers what it holds) and the server after it.
# Should this script be killed outright, the kernel takes its jobs with it.
tied=()
if command -v setpriv >/dev/null; then
    tied=(setpriv --pdeathsig TERM)
fi

if [[ -z $CAPTURE ]]; then
    say "making a synthetic recording of $CAPTURE_SECONDS s (seed $SEED)"
    CAPTURE=$work/synthetic.jsonl
    : "${SYMBOLS:=BTCUSDT,ETHUSDT}"
    "$SYNTHETIC_CAPTURE" --seed "$SEED" --seconds "$CAPTURE_SECONDS" --symbols "$SYMBOLS" --out "$CAPTURE"
fi

arguments=(replay --config "$CONFIG" --exchange "$EXCHANGE" --pace recorded --view lines)
if command -v "$NATS_SERVER" >/dev/null; then
    # Port -1: the server takes a free one and writes it down.
    set -m
    "${tied[@]}" "$NATS_SERVER" --addr 127.0.0.1 --port -1 --ports_file_dir "$work" \
        --jetstream --store_dir "$work/jetstream" --log "$work/nats.log" </dev/null &>"$work/nats.out" &
    server=$!
    set +m
    address=
    for _ in {1..100}; do
        [[ -z $interrupted ]] && running "$server" || break
        address=$(grep -hs -o 'nats://127\.0\.0\.1:[0-9]*' "$work"/*.ports | head -n 1 || true)
        [[ -z $address ]] || break
        pause 0.05
    done
    [[ -z $interrupted ]] || exit 0
    if [[ -z $address ]]; then
        say "nats-server did not start:"
        cat "$work/nats.out" "$work/nats.log" >&2 2>/dev/null || true
        exit 69
    fi
    say "nats-server at $address (ends with the demo)"
    arguments+=(--nats "$address")
else
    say "no nats-server here: publishing to memory only (apt-get install nats-server)"
fi
if [[ -n $SYMBOLS ]]; then
    arguments+=(--symbols "$SYMBOLS")
fi
[[ -z $interrupted ]] || exit 0

say "replaying $CAPTURE; Ctrl-C ends it"
set -m
"${tied[@]}" "$MARKETPRISM" "${arguments[@]}" "$CAPTURE" </dev/null &
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
