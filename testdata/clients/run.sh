#!/usr/bin/env bash
#
# run.sh - do programs of others get on with the stand-in, directly and through
# mzproxy? dbt-materialize makes, tests and deploys a project, SQLAlchemy reflects
# with both drivers, HikariCP starts a pool, pgcli answers a query; psycopg, psycopg2, asyncpg, pg and postgres run one program,
# and write strategies through the proxy. The results have to be good, and the same both ways. Exit status 0: they are.
#
#   testdata/clients/run.sh [--only dbt,sqlalchemy,hikari,pgcli,python,node]
#
# MZPROXY and MZSIM name the binaries (bin/mzproxy, bin/mzsim). CLIENTS is where what is installed from
# the registries stays (bin/clients). It takes python3 with venv; hikari takes java and mvn, node takes npm.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
mzproxy=${MZPROXY:-$root/bin/mzproxy} mzsim=${MZSIM:-$root/bin/mzsim} installed=${CLIENTS:-$root/bin/clients}
only=dbt,sqlalchemy,hikari,pgcli,python,node

die() { echo "run.sh: $*" >&2; exit 1; }
case ${1-} in
  '') ;;
  --only) only=$2 ;;
  *) sed -n '3,13p' "$0" >&2; exit 2 ;;
esac
wants() { [[ ,$only, == *",$1,"* ]]; }
[[ -x $mzproxy && -x $mzsim ]] || die "$mzproxy or $mzsim is not there: run make build"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/clients.XXXXXX")
pids=()
trap 'for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; wait; rm -rf "$scratch"' EXIT

python=$installed/venv/bin
if wants dbt || wants sqlalchemy || wants pgcli || wants python; then
  [[ -x $python/python ]] || python3 -m venv "$installed/venv"
  "$python/pip" install -q 'dbt-core<1.12' dbt-materialize==1.9.11 sqlalchemy psycopg2-binary 'psycopg[binary]' asyncpg pgcli
fi
if wants node; then
  npm install --silent --no-audit --no-fund --prefix "$installed/node" pg@8 postgres@3 >/dev/null
fi
if wants hikari && [[ ! -d $installed/jars ]]; then
  for artifact in com.zaxxer:HikariCP:6.2.1 org.postgresql:postgresql:42.7.4 org.slf4j:slf4j-api:2.0.16 org.slf4j:slf4j-nop:2.0.16; do
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy "-Dartifact=$artifact" "-DoutputDirectory=$installed/jars"
  done
fi

wait_for() { # wait_for PATTERN FILE: the first match in what a server prints
  local match
  until match=$(grep -oEm1 "$1" "$2" 2>/dev/null); do
    kill -0 "${pids[-1]}" 2>/dev/null || { cat "$2" >&2; die 'a server did not start'; }
    sleep 0.2
  done
  echo "$match"
}

step() { # step NAME COMMAND...: one line, ok or not ok
  local name=$1
  shift
  if "$@" >"$scratch/step" 2>&1; then echo "ok - $name"; else echo "not ok - $name"; sed 's/^/    /' "$scratch/step" >&2; fi
}

run_dbt() { # run_dbt HOST PORT
  cp -r "$here/dbt" "$scratch/project"
  local dbt=(env "DBT_HOST=$1" "DBT_PORT=$2" DBT_SEND_ANONYMOUS_USAGE_STATS=false "$python/dbt")
  local in=(--project-dir "$scratch/project" --profiles-dir "$scratch/project")
  for command in seed run test 'docs generate' 'run-operation deploy_init'; do
    # shellcheck disable=SC2086 # a command may be two words
    step "dbt $command" "${dbt[@]}" $command "${in[@]}"
  done
  step 'dbt run --vars deploy: true' "${dbt[@]}" run "${in[@]}" --vars 'deploy: true'
  step 'dbt run-operation deploy_promote' "${dbt[@]}" run-operation deploy_promote "${in[@]}"
  step 'dbt run-operation deploy_cleanup' "${dbt[@]}" run-operation deploy_cleanup "${in[@]}"
  rm -rf "$scratch/project"
}

run_pgcli() { # run_pgcli HOST PORT
  local url="postgres://materialize@$1:$2/materialize?sslmode=disable"
  step 'pgcli connects and lists' env HOME="$scratch" "$python/pgcli" --no-password -l "$url"
}

programs() { # programs HOST PORT
  if wants dbt; then run_dbt "$@"; fi
  if wants sqlalchemy; then "$python/python" "$here/alchemy.py" "$@" || echo 'not ok - alchemy.py ended with an error'; fi
  if wants hikari; then java -cp "$installed/jars/*" "$here/Pool.java" "$@" || echo 'not ok - Pool.java ended with an error'; fi
  if wants pgcli; then run_pgcli "$@"; fi
  if wants python; then "$python/python" "$here/programs.py" "$@" || echo 'not ok - programs.py ended with an error'; fi
  if wants node; then NODE_PATH="$installed/node/node_modules" node "$here/programs.js" "$@" || echo 'not ok - programs.js ended with an error'; fi
}

fresh() { # fresh NAME: a stand-in of its own for each way, with the cluster that the project uses
  "$mzsim" serve --listen 127.0.0.1:0 --startup 100ms --hydration 100ms >"$scratch/$1" 2>&1 &
  pids+=($!)
  upstream=$(wait_for 'postgres://[^"]+' "$scratch/$1")
  PGOPTIONS='-c welcome_message=off' psql -qX "$upstream" -c "CREATE CLUSTER dbt_cluster (SIZE '25cc')" -c "CREATE CLUSTER prod REPLICAS (r1 (SIZE '25cc'))"
}

address() { sed -E 's,^[^@]*@([^:]*):([0-9]+)/.*,\1 \2,' <<<"$1"; }

fresh sim-direct
read -r host port <<<"$(address "$upstream")"
programs "$host" "$port" >"$scratch/direct"
fresh sim-proxied
"$mzproxy" serve --upstream "$upstream" --listen 127.0.0.1:0 --admin '' >"$scratch/proxy" 2>&1 &
pids+=($!)
read -r host port <<<"$(wait_for '127\.0\.0\.1:[0-9]+' "$scratch/proxy" | tr : ' ')"
export STRATEGIES=1
programs "$host" "$port" >"$scratch/proxied"

status=0
for way in direct proxied; do
  echo "$way: $(grep -c '^ok - ' "$scratch/$way") passed, $(grep -c '^not ok - ' "$scratch/$way" || true) failed"
  if ! grep -q '^ok - ' "$scratch/$way" || grep '^not ok - ' "$scratch/$way"; then status=1; fi
done
diff "$scratch/direct" <(grep -v 'with strategies' "$scratch/proxied") || status=1
exit $status
