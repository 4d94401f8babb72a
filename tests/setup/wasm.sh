#!/bin/sh
# The compiler for adapters (target wasm32-unknown-unknown).
#
#   wasm.sh setup             make sure that there is one
#   wasm.sh build PACKAGE...  build packages of this workspace for it, profile `adapter`
#   wasm.sh folder            print where `build` leaves the .wasm files
#
# The usual way is rustup's ready-made standard library. Where rustup's servers cannot be reached, Debian's compiler
# and the library's source from Debian do it: slower once, the same result. WASM_TOOLCHAIN=rustup or =debian decides
# by hand; what was found is remembered in target/setup, so that a second run tries nothing again.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
target=wasm32-unknown-unknown
target_dir=${CARGO_TARGET_DIR:-target}
channel=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)
remembered=target/setup/wasm-toolchain

# Debian's compiler, and where its package of sources puts the standard library.
debian_rustc=/usr/bin/rustc
debian_library=/usr/lib/rustlib/src/rust/library

say() { echo "$*" >&2; }

# The pinned compiler itself; everything else needs it.
setup_rust() {
    if RUSTUP_AUTO_INSTALL=0 cargo --version >/dev/null 2>&1 && RUSTUP_AUTO_INSTALL=0 rustc --version >/dev/null 2>&1; then
        return
    fi
    if ! command -v rustup >/dev/null; then
        say "no Rust here: install rustup, then Rust $channel"
        exit 1
    fi
    say "installing Rust $channel (some minutes on a slow line)"
    if ! timeout --foreground --kill-after=10 900 rustup toolchain install "$channel" --profile minimal \
        --component clippy --component rustfmt; then
        say "Rust $channel is missing and rustup could not install it: rustup toolchain install $channel"
        exit 1
    fi
}

rustup_has_target() {
    [ -d "$(rustc --print target-libdir --target $target 2>/dev/null)" ]
}

setup_rustup() {
    if rustup_has_target; then
        return
    fi
    command -v rustup >/dev/null || return 1
    say "adding the target $target to Rust $channel"
    timeout --foreground --kill-after=10 60 rustup target add $target --toolchain "$channel" && rustup_has_target
}

debian_is_there() {
    [ -x $debian_rustc ] && [ -f $debian_library/Cargo.lock ] && [ "$($debian_rustc --print sysroot)" = /usr ]
}

setup_debian() {
    debian_is_there || "$here/debian.sh" rustc-web rust-web-src || return 1
    debian_is_there
}

remember() {
    mkdir -p "$(dirname $remembered)"
    echo "$1" >$remembered
}

# Leaves the choice in $toolchain.
choose() {
    setup_rust
    toolchain=${WASM_TOOLCHAIN:-}
    if [ -z "$toolchain" ] && [ -f $remembered ]; then
        toolchain=$(cat $remembered)
        # Remembered, but gone since: look again.
        case $toolchain in
        rustup) rustup_has_target || toolchain= ;;
        debian) debian_is_there || toolchain= ;;
        *) toolchain= ;;
        esac
    fi
    case $toolchain in
    rustup) setup_rustup || { say "rustup could not add $target: rustup target add $target"; exit 1; } ;;
    debian) setup_debian || { say "Debian's rustc-web and rust-web-src are not usable here"; exit 1; } ;;
    "")
        if setup_rustup; then
            toolchain=rustup
        elif say "rustup could not add $target; trying Debian's compiler" && setup_debian; then
            toolchain=debian
        else
            say "adapters cannot be built: rustup target add $target, or: apt-get install rustc-web rust-web-src"
            exit 1
        fi
        remember $toolchain
        ;;
    *)
        say "WASM_TOOLCHAIN is rustup or debian, not $toolchain"
        exit 64
        ;;
    esac
}

# rustup's own linker; Debian's package rust-web-llvm has one too.
linker() {
    host=$(rustc --version --verbose | sed -n 's/^host: //p')
    lld=$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld
    [ -x "$lld" ] || lld=$(command -v rust-lld) || {
        say "no rust-lld here: apt-get install rust-web-llvm"
        exit 1
    }
    echo "$lld"
}

build() {
    packages=
    for package in "$@"; do
        packages="$packages --package $package"
    done
    set --
    if [ "$toolchain" = debian ]; then
        lld=$(linker)
        export RUSTC=$debian_rustc
        # Lets a released compiler and cargo take the option that builds the standard library along.
        export RUSTC_BOOTSTRAP=1
        export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$lld"
        set -- -Zbuild-std=std,panic_abort
    fi
    # shellcheck disable=SC2086 # package names hold no blanks
    cargo build --profile adapter --target $target "$@" $packages
}

case ${1:-} in
setup)
    choose
    ;;
build)
    shift
    choose
    build "$@"
    ;;
folder)
    echo "$target_dir/$target/adapter"
    ;;
*)
    sed -n '2,/^set/{/^#/p}' "$0"
    exit 64
    ;;
esac
