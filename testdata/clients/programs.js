// The same program with pg and postgres: programs.js HOST PORT. With STRATEGIES=1 strategies are written, too.
'use strict';
const { Pool } = require('pg');
const postgres = require('postgres');

const [host, port] = process.argv.slice(2);
const strategies = process.env.STRATEGIES === '1';
const insert = 'INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ($1, $2, $3)';
const config = '{"target_size": "50cc"}';

function check(name, got, want) {
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
  console.log(g === w ? `ok - ${name}` : `not ok - ${name}: got ${g}, want ${w}`);
}

const code = (promise) => promise.then(() => 'none', (e) => e.code || String(e));

// program runs with query(text, values), which gives rows, and simple(text), which gives the rows of the last statement.
async function program(name, query, simple) {
  await simple(`CREATE TABLE t_${name} (a int, b text)`);
  for (const row of [[1, 'one'], [2, null]]) await query(`INSERT INTO t_${name} VALUES ($1, $2)`, row);
  check(`${name}: rows`, await query(`SELECT a, b FROM t_${name} WHERE a > $1 ORDER BY a`, [0]), [{ a: 1, b: 'one' }, { a: 2, b: null }]);
  check(`${name}: two statements a text`, await simple('SELECT 1 AS n; SELECT 2 AS n'), [{ n: 2 }]);
  check(`${name}: an error`, await code(query('SELECT $1::int / 0', [1])), '22012');
  check(`${name}: a pool of fifty`, (await Promise.all(Array.from({ length: 200 }, () => query('SELECT $1::int AS n', [1])))).length, 200);
  await simple(`DROP TABLE t_${name}`);
  if (!strategies) return;
  const given = (json) => (name === 'postgres' ? JSON.parse(json) : json); // it writes JSON itself
  const row = ['prod', 'target_size', given(config)];
  check(`with strategies, ${name}: what-if`, JSON.stringify(await query(`EXPLAIN STRATEGY ${insert}`, row)).includes('50cc'), true);
  check(`with strategies, ${name}: refused`, await code(query(insert, ['prod', 'target_size', given('{"target_size": "nothing"}')])), '42704');
  await query(insert, row);
  check(`with strategies, ${name}: found by name`, await query('SELECT strategy_type FROM mz_cluster_strategies WHERE cluster_id = $1', ['prod']), [{ strategy_type: 'target_size' }]);
  check(`with strategies, ${name}: deleted by name`, (await query('DELETE FROM mz_cluster_strategies WHERE cluster_id = $1', ['prod'])).length, 0);
}

(async () => {
  const where = { host, port: Number(port), user: 'materialize', database: 'materialize' };
  const pool = new Pool({ ...where, max: 50 });
  const last = (r) => (Array.isArray(r) ? r[r.length - 1] : r).rows;
  await program('pg', (text, values) => pool.query(text, values).then(last), (text) => pool.query(text).then(last));
  await pool.end();
  const sql = postgres({ ...where, max: 50, fetch_types: false, onnotice: () => {} });
  await program('postgres', (text, values) => sql.unsafe(text, values).then((r) => [...r]), async (text) => {
    const r = await sql.unsafe(text).simple();
    return [...(Array.isArray(r[0]) ? r[r.length - 1] : r)];
  });
  const long = sql.unsafe('SELECT count(*) FROM generate_series(1, 1000000000)');
  setTimeout(() => long.cancel(), 1000);
  check('postgres: cancel', await code(long), '57014');
  process.exit(0); // its end waits for a cancelled statement's connection, with a proxy or without
})().catch((e) => { console.log(`not ok - programs.js: ${e.stack}`); });
