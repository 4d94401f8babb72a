# MarketPrism. `make` lists the targets. Each does its own set-up; a second run takes seconds.

# Packages of adapters, and the names of their .wasm files.
ADAPTER_PACKAGES := marketprism-binance-component marketprism-okx-component marketprism-deribit-component
ADAPTERS := binance okx deribit
# Packages of adapters that only the tests use, and the names of their .wasm files.
GUEST_PACKAGES := hostile rounding faulty marketprism-example-component
GUESTS := hostile rounding faulty example

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# rustup or debian: the compiler for adapters, when it shall not be found out (see tests/setup/wasm.sh).
WASM_TOOLCHAIN ?=
# Optimised, as the daemon: wasmtime is built once for all, and an unoptimised one compiles adapters ten times slower.
TEST_PROFILE ?= release
# Where the recordings for tests are.
MARKETPRISM_SHARED ?= $(abspath ../shared)

CONFIG ?= config/marketprism.yaml
SYMBOLS ?= BTCUSDT,ETHUSDT
FAULTS ?= light,drop=0.004,close=0.0001
RATE ?= 250
DEMO_SECONDS ?=

export WASM_TOOLCHAIN MARKETPRISM_SHARED

.PHONY: help setup adapters guests build demo test bench lint clean

help:
	@echo 'make setup      what the others need: Rust, its WebAssembly target, a C compiler, nats-server'
	@echo 'make adapters   build the adapters into adapters/*.wasm'
	@echo 'make build      build the daemon: $(TARGET_DIR)/release/marketprism'
	@echo 'make demo       see it work against a simulated exchange; Ctrl-C ends it'
	@echo '                FAULTS=none|light|heavy|name=chance,..   how much goes wrong there'
	@echo '                RATE=250                  orders of each symbol in a second'
	@echo '                CONFIG=file SYMBOLS=A,B   another configuration, and what is traded there'
	@echo '                DEMO_SECONDS=20           end it after 20 s'
	@echo 'make test       all tests; recordings are looked for in $(MARKETPRISM_SHARED)'
	@echo '                MARKETPRISM_SHARED=folder   look elsewhere'
	@echo 'make bench      measure'
	@echo 'make lint       formatting, clippy, documentation, licences of dependencies'
	@echo 'make clean      remove what was built'
	@echo
	@echo 'WASM_TOOLCHAIN=debian make adapters   build the adapters with the compiler of Debian'

setup:
	@tests/setup/compiler.sh
	@tests/setup/wasm.sh setup
	@tests/setup/nats.sh || echo 'going on without nats-server: neither `make demo` nor `make test` work without it'

adapters:
	@tests/setup/compiler.sh
	@echo 'building the adapters (about a minute the first time)'
	@tests/setup/wasm.sh build $(ADAPTER_PACKAGES)
	@for name in $(ADAPTERS); do \
	    tests/setup/deliver.sh "$$(tests/setup/wasm.sh folder)/$$name.wasm" "adapters/$$name.wasm" || exit; \
	done

# Always below target/, whatever CARGO_TARGET_DIR says: the tests look there.
guests:
	@tests/setup/compiler.sh
	@echo 'building the test adapters (about a minute the first time)'
	@tests/setup/wasm.sh build $(GUEST_PACKAGES)
	@for name in $(GUESTS); do \
	    tests/setup/deliver.sh "$$(tests/setup/wasm.sh folder)/$$name.wasm" "target/guests/$$name.wasm" || exit; \
	done

build: setup
	@echo 'building the daemon (some minutes the first time)'
	@cargo build --release --package marketprism-host

demo: build adapters
	@echo 'building the simulated exchange (half a minute the first time)'
	@cargo build --release --package marketprism-tests --bin exchange-sim
	@CONFIG='$(CONFIG)' SYMBOLS='$(SYMBOLS)' FAULTS='$(FAULTS)' RATE='$(RATE)' DEMO_SECONDS='$(DEMO_SECONDS)' \
	    MARKETPRISM='$(or $(MARKETPRISM),$(TARGET_DIR)/release/marketprism)' \
	    EXCHANGE_SIM='$(TARGET_DIR)/release/exchange-sim' exec tests/setup/demo.sh

test: setup adapters guests
	@tests/setup/prometheus.sh || true
	@for program in nats-server prometheus promtool; do command -v $$program >/dev/null || { \
	    echo "the tests need $$program: apt-get install nats-server prometheus"; exit 1; }; done
	@echo 'recordings: $(MARKETPRISM_SHARED) (MARKETPRISM_SHARED says otherwise)'
	@echo 'building and running the tests (some minutes the first time)'
	@cargo test --workspace --no-fail-fast --profile $(TEST_PROFILE)

bench: setup adapters guests
	@echo 'measuring (some minutes the first time)'
	@cargo bench --package marketprism-tests

lint: setup
	@tests/setup/lint.sh

clean:
	rm -f $(ADAPTERS:%=adapters/%.wasm)
	rm -rf target/guests target/setup
	cargo clean
