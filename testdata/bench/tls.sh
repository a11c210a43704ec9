#!/usr/bin/env bash
#
# tls.sh - what does TLS towards clients cost in mzproxy, next to PgBouncer?
#
# Both take turns in front of one private PostgreSQL, as in compare.sh; figures
# are medians over the turns, and ratios to PgBouncer's.
#
#   testdata/bench/tls.sh [--seconds 3] [--rounds 6]
#
# MZPROXY names the binary (bin/mzproxy).
set -euo pipefail
export LC_ALL=C PGSSLMODE=require PGUSER=postgres PGDATABASE=postgres PGHOST=127.0.0.1

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mzproxy=${MZPROXY:-$root/bin/mzproxy}
seconds=3 rounds=6
while (($#)); do
  case $1 in
    --seconds) seconds=$2; shift ;;
    --rounds) rounds=$2; shift ;;
    *) sed -n '3,11p' "$0" >&2; exit 2 ;;
  esac
  shift
done

scratch=$(mktemp -d "${TMPDIR:-/tmp}/tls.XXXXXX")
chmod 755 "$scratch"
as_postgres=() # the servers refuse root
((EUID != 0)) || as_postgres=(setpriv --reuid postgres --regid "$(id -g postgres)" --init-groups --)
pids=()
stop() {
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
trap stop EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
await() { for _ in $(seq 200); do "$bin/pg_isready" -q -p "$1" && return; sleep 0.05; done; echo "nothing on $1" >&2; exit 1; }

bin=${PG_BINDIR:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)}
upstream=$(free_port)
install -d -o "$( ((EUID == 0)) && echo postgres || id -un)" "$scratch/data" "$scratch/pgbouncer"
"${as_postgres[@]}" "$bin/initdb" -D "$scratch/data" -A trust -U postgres -N --no-locale -E UTF8 >"$scratch/initdb.log"
"${as_postgres[@]}" "$bin/postgres" -D "$scratch/data" -p "$upstream" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
  -c fsync=off -c shared_buffers=256MB -c max_connections=300 -c autovacuum=off >"$scratch/postgres.log" 2>&1 &
pids+=($!)
PGSSLMODE=disable await "$upstream"
PGSSLMODE=disable "$bin/pgbench" -i -q -s 10 -p "$upstream" 2>/dev/null

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2>/dev/null
chmod 644 "$scratch/key.pem"

declare -A port pid
port[mzproxy]=$(free_port)
"$mzproxy" serve --relay-only --admin '' --listen "127.0.0.1:${port[mzproxy]}" --tls-cert "$scratch/cert.pem" --tls-key "$scratch/key.pem" \
  --upstream "postgres://postgres@127.0.0.1:$upstream/postgres?sslmode=disable" >"$scratch/mzproxy.log" 2>&1 &
pid[mzproxy]=$!
port[pgbouncer]=$(free_port)
echo '"postgres" ""' >"$scratch/pgbouncer/users.txt"
cat >"$scratch/pgbouncer/pgbouncer.ini" <<END
[databases]
* = host=127.0.0.1 port=$upstream
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port[pgbouncer]}
unix_socket_dir =
auth_type = trust
auth_file = $scratch/pgbouncer/users.txt
pool_mode = session
default_pool_size = 200
server_tls_sslmode = disable
client_tls_sslmode = require
client_tls_cert_file = $scratch/cert.pem
client_tls_key_file = $scratch/key.pem
log_connections = 0
log_disconnections = 0
END
"${as_postgres[@]}" pgbouncer -q "$scratch/pgbouncer/pgbouncer.ini" >"$scratch/pgbouncer.log" 2>&1 &
pid[pgbouncer]=$!
pids+=("${pid[mzproxy]}" "${pid[pgbouncer]}")
await "${port[mzproxy]}"; await "${port[pgbouncer]}"

cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/^.*\) /, ""); printf "%d\n", ($12 + $13) * 1000 / hz }' "/proc/$1/stat"; }
one() { # one TEST TARGET PGBENCH-OPTIONS...
  local test=$1 target=$2 before out
  shift 2
  before=$(cpu_ms "${pid[$target]}")
  out=$("$bin/pgbench" -n -S -T "$seconds" -p "${port[$target]}" "$@" 2>&1) || { echo "$out" >&2; exit 1; }
  awk -v test="$test" -v target="$target" -v cpu=$(($(cpu_ms "${pid[$target]}") - before)) '
    /actually processed/ { n = $6 }
    /^tps/ { tps = $3 }
    END { printf "%s\t%s\t%.1f\t%.2f\n", test, target, tps, cpu * 1000 / n }' <<<"$out" >>"$scratch/results"
}

for ((round = 1; round <= rounds; round++)); do
  order='mzproxy pgbouncer'
  ((round % 2)) || order='pgbouncer mzproxy'
  for target in $order; do
    for clients in 1 16 64; do
      one "prepared c=$clients" "$target" -M prepared -c "$clients" -j 2
    done
    one "connect each c=8" "$target" -C -c 8 -j 2
  done
done

"${AWK:-awk}" -F'\t' '
  function median(key,   i, j, x, v, m) {
    m = count[key]
    for (i = 1; i <= m; i++) { x = value[key, i]; for (j = i - 1; j >= 1 && v[j] > x; j--) v[j + 1] = v[j]; v[j + 1] = x }
    return m % 2 ? v[(m + 1) / 2] : (v[m / 2] + v[m / 2 + 1]) / 2
  }
  { if (!seen[$1]++) tests[++n] = $1
    for (f = 3; f <= 4; f++) { k = $1 FS $2 FS f; value[k, ++count[k]] = $f } }
  END {
    printf "%-18s %-16s %10s %10s %8s\n", "test", "median of", "pgbouncer", "mzproxy", "ratio"
    for (i = 1; i <= n; i++) for (f = 3; f <= 4; f++) {
      a = median(tests[i] FS "pgbouncer" FS f); b = median(tests[i] FS "mzproxy" FS f)
      printf "%-18s %-16s %10.1f %10.1f %8.2f\n", tests[i], f == 3 ? "per second" : "CPU ms per 1000", a, b, b / a
    }
  }' "$scratch/results"
