#!/bin/sh
# Makes .venv and installs a hash-pinned requirements file into it; does nothing when that is already there.
# Usage: scripts/setup.sh requirements.txt
set -eu
cd "$(dirname "$0")/.."
requirements=$1
stamp=.venv/.installed-$(basename "$requirements")

fail() {
    echo "$1" >&2
    exit 1
}

supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
}

find_python() {
    for name in ${PYTHON3:-} python3.13 python3.12 python3.11 python3; do
        if supported "$name"; then echo "$name"; return; fi
    done
    fail "Python 3.11, 3.12 or 3.13 is needed and was not found; install it, or name one: make setup PYTHON3=/path/to/python3"
}

make_venv() {
    python=$1
    rm -rf .venv
    # Debian ships venv without pip unless python3-venv is there; as root we install that, else we borrow the system's pip.
    "$python" -m venv .venv >/dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; } >/dev/null 2>&1 || true
        rm -rf .venv
        "$python" -m venv .venv >/dev/null 2>&1 && return
    fi
    rm -rf .venv
    "$python" -m pip --version >/dev/null 2>&1 && "$python" -m venv --without-pip .venv && return
    fail "$python can make no virtual environment: install the package python3-venv (apt-get install python3-venv) and run this again."
}

digest() {
    "$1" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$requirements"
}

if ! supported .venv/bin/python; then
    make_venv "$(find_python)"
fi
wanted=$(digest .venv/bin/python)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi

echo "Installing $requirements into .venv …"
if .venv/bin/python -m pip --version >/dev/null 2>&1; then
    pip=".venv/bin/python -m pip"
else
    pip="$(find_python) -m pip --python .venv/bin/python"
fi
PIP_DISABLE_PIP_VERSION_CHECK=1 $pip install -qq --require-hashes -r "$requirements" ||
    fail "Installing $requirements failed; the lines above say why. Check the network and run the same command again."
echo "$wanted" >"$stamp"
