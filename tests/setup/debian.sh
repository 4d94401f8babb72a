#!/bin/sh
# Installs Debian packages: debian.sh PACKAGE...
# As root, or with a sudo that asks nothing; otherwise says in one line what to install. Never removes a package.
set -eu

if ! command -v apt-get >/dev/null; then
    echo "please install: $* (names of Debian packages; there is no apt-get here)" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=env
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo -n env"
else
    echo "please install: apt-get install $*" >&2
    exit 1
fi


# apt SECONDS ARGUMENT...
apt() {
    limit=$1
    shift
    $as_root DEBIAN_FRONTEND=noninteractive timeout --foreground --kill-after=10 "$limit" \
        apt-get -o DPkg::Lock::Timeout=60 -qq "$@" </dev/null >&2
}
install() {
    apt 300 install -y --no-install-recommends --no-remove "$@"
}

echo "installing Debian packages: $*" >&2
# A fresh machine has no package lists yet.
if ! install "$@" 2>/dev/null; then
    apt 120 update || true
    if ! install "$@"; then
        echo "could not install; please install: apt-get install $*" >&2
        exit 1
    fi
fi
