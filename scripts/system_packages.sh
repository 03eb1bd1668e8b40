#!/usr/bin/env bash
# Installs from Debian what the tests need beside Python packages. When everything is there, apt is not even asked.
set -euo pipefail
cd "$(dirname "$0")/.."

POSTGRES_LEAST=15

has_postgres() {
    local server
    for server in /usr/lib/postgresql/*/bin/postgres "$(command -v postgres || true)"; do
        [ -x "$server" ] || continue
        [ "$("$server" --version | grep -oE '[0-9]+' | head -n 1)" -ge "$POSTGRES_LEAST" ] && return 0
    done
    return 1
}

# A header is where Debian puts it, or wherever this compiler looks for it.
has_header() {
    [ -e "/usr/include/$1" ] || echo "#include <$1>" | gcc -E - >/dev/null 2>&1
}

has_chromium() {
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null
}

# Daemons are not in everybody's path.
has_daemon() {
    [ -n "$(find /usr/sbin /usr/local/sbin /usr/bin -name "$1" -print -quit 2>/dev/null)" ]
}

# A module of Kamailio or FreeRADIUS, wherever this machine keeps them.
has_module() {
    [ -n "$(find -L /usr/lib /usr/lib64 /usr/local/lib -path "*/$1" -print -quit 2>/dev/null)" ]
}

# Looks for what is used, not for package names: it may as well have come another way.
missing() {
    has_postgres || echo "postgresql-$POSTGRES_LEAST"
    command -v gcc >/dev/null || echo gcc
    has_header stdlib.h || echo libc6-dev
    has_header sqlite3.h || echo libsqlite3-dev
    command -v wrk >/dev/null || echo wrk
    command -v systemd-analyze >/dev/null || echo systemd
    has_daemon pgbouncer || echo pgbouncer
    has_daemon haproxy || echo haproxy
    command -v promtool >/dev/null || echo prometheus
    has_chromium || echo chromium
    [ -n "$(find /usr/share/fonts /usr/local/share/fonts -name '*.ttf' -print -quit 2>/dev/null)" ] || echo fonts-dejavu-core
    has_daemon kamailio && has_module kamailio/modules/dialog.so || echo kamailio
    has_module kamailio/modules/http_client.so || echo kamailio-utils-modules
    has_module kamailio/modules/jansson.so || echo kamailio-extra-modules
    has_module kamailio/modules/db_sqlite.so || echo kamailio-sqlite-modules
    has_module kamailio/modules/ims_charging.so || echo kamailio-ims-modules
    command -v sipp >/dev/null || echo sip-tester
    has_daemon freeradius || has_daemon radiusd || echo freeradius
    has_module freeradius/rlm_rest.so || echo freeradius-rest
    command -v radclient >/dev/null || echo freeradius-utils
    [ ! -x /usr/bin/python3 ] || /usr/bin/python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

# Newer releases of Debian carry a newer PostgreSQL, which does as well.
as_named_here() {
    local name
    for name in "$@"; do
        if [[ $name == postgresql-* ]] && ! apt-cache show "$name" >/dev/null 2>&1; then
            name=postgresql
        fi
        echo "$name"
    done
}

# Both hold only while we install. A package would otherwise make a database of its own, and those with a daemon would
# start it on its standard port; whoever has said already what may start has the last word.
CLUSTERS=/etc/postgresql-common/createcluster.d
STARTS=/usr/sbin/policy-rc.d
made_starts=

start_nothing() {
    mkdir -p "$CLUSTERS"
    echo "create_main_cluster = false" >"$CLUSTERS/talktime-tests.conf"
    [ ! -e "$STARTS" ] || return 0
    made_starts=yes
    printf '#!/bin/sh\nexit 101\n' >"$STARTS"
    chmod 755 "$STARTS"
}

start_again() {
    rm -f "$CLUSTERS/talktime-tests.conf"
    rmdir --ignore-fail-on-non-empty "$CLUSTERS"
    [ -z "$made_starts" ] || rm -f "$STARTS"
}

install() {
    export DEBIAN_FRONTEND=noninteractive
    trap start_again EXIT
    start_nothing

    apt-get -q -o Acquire::Retries=3 update
    # shellcheck disable=SC2046 # one word for each package
    apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 --no-install-recommends install $(as_named_here "$@")
}

wanted=$(missing | xargs)
[ -n "$wanted" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "The tests need PostgreSQL $POSTGRES_LEAST or newer (initdb, postgres, pg_basebackup), gcc, the headers of the C library" >&2
    echo "and of SQLite, wrk, systemd-analyze, PgBouncer, HAProxy, promtool, Chromium with a font, Kamailio with its modules, sipp, FreeRADIUS with rlm_rest and radclient," >&2
    echo "and a Python with its venv module. Missing here, by their names in Debian: $wanted" >&2
    exit 1
elif [ "$(id -u)" -eq 0 ]; then
    # shellcheck disable=SC2086 # one word for each package
    install $wanted </dev/null
elif sudo -n true 2>/dev/null; then
    exec sudo -n scripts/system_packages.sh
else
    echo "The tests need $wanted. Please run: sudo scripts/system_packages.sh" >&2
    exit 1
fi
