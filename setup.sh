#!/usr/bin/env bash
#
# setup.sh - install what building and testing need beside Go: the PostgreSQL
# server, psql and a C compiler. What is there is left alone.
set -euo pipefail

found_server() {
  local p
  command -v postgres >/dev/null && return
  for p in /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres \
    /opt/homebrew/opt/postgresql*/bin/postgres /usr/local/opt/postgresql*/bin/postgres; do
    [[ -x $p ]] && return
  done
  return 1
}

missing=()
found_server || missing+=(server)
command -v psql >/dev/null || missing+=(psql)
command -v cc >/dev/null || command -v gcc >/dev/null || missing+=(cc)
((${#missing[@]})) || exit 0

sudo=''
((EUID == 0)) || sudo=sudo
case $(uname -s) in
  Linux)
    if command -v apt-get >/dev/null; then
      $sudo apt-get update -qq
      $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql postgresql-client gcc libc6-dev >/dev/null
      exit 0
    fi
    ;;
  Darwin)
    if command -v brew >/dev/null; then
      brew install --quiet postgresql@16
      command -v cc >/dev/null || xcode-select --install
      exit 0
    fi
    ;;
esac
echo "setup.sh: missing: ${missing[*]}. Install a PostgreSQL server (13 or later), psql and a C compiler, and put them on PATH." >&2
exit 1
