#!/usr/bin/env bash
#
# strategies.sh - the SQL surface as drivers see it: each suite writes
# strategies and runs commands through `mzproxy demo`, in every way in which its
# driver sends statements. Exit status 0: every check passed.
#
#   testdata/drivers/strategies.sh [--only psycopg,node,jdbc]
#
# MZPROXY names the binary (bin/mzproxy). Drivers are installed where they are missing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
mzproxy=${MZPROXY:-$root/bin/mzproxy}
only=psycopg,node,jdbc

die() { echo "strategies.sh: $*" >&2; exit 1; }
case ${1-} in
  '') ;;
  --only) only=$2 ;;
  *) sed -n '3,9p' "$0" >&2; exit 2 ;;
esac
wants() { [[ ,$only, == *",$1,"* ]]; }
[[ -x $mzproxy ]] || die "$mzproxy is not there: run make build"

need_packages() { # need_packages PACKAGE...: Debian packages, installed where missing
  local missing=() p sudo=''
  for p in "$@"; do
    dpkg -s "$p" >/dev/null 2>&1 || missing+=("$p")
  done
  ((${#missing[@]})) || return 0
  ((EUID == 0)) || sudo=sudo
  $sudo apt-get update -qq >/dev/null
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/strategies.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
status=0
suite() { # suite NAME COMMAND: one line `ok - check` or `not ok - check` for each
  local name=$1 out=$scratch/$1
  "$mzproxy" demo --listen 127.0.0.1:0 --startup 1h --exit-after "$2" >"$out" 2>"$out.err" || true
  local passed failed
  passed=$(grep -c '^ok - ' "$out" || true) failed=$(grep -c '^not ok - ' "$out" || true)
  echo "$name: $passed passed, $failed failed"
  ((passed > 0 && failed == 0)) && return
  status=1
  cat "$out" "$out.err" >&2
}

if wants psycopg; then
  need_packages python3-psycopg
  suite psycopg "/usr/bin/python3 '$here/strategies.py'"
fi
if wants node; then
  mkdir "$scratch/modules"
  npm install --silent --no-audit --no-fund --prefix "$scratch/modules" pg@8 >/dev/null
  suite node "NODE_PATH='$scratch/modules/node_modules' node '$here/strategies.js'"
fi
if wants jdbc; then
  need_packages libpostgresql-jdbc-java
  command -v java >/dev/null || need_packages default-jdk-headless
  suite jdbc "java -cp /usr/share/java/postgresql.jar '$here/Strategies.java'"
fi
exit $status
