// node-postgres through whatever PGHOST and PGPORT name: one line `ok - name` a check.
'use strict';
const assert = require('assert');
const { pipeline } = require('stream/promises');
const { Readable } = require('stream');
const { Client, Pool } = require('pg');
const QueryStream = require('pg-query-stream');
const { from: copyFrom, to: copyTo } = require('pg-copy-streams');
const Cursor = require('pg-cursor');

async function withClient(f, options) {
  const client = new Client(options);
  await client.connect();
  try {
    await f(client);
  } finally {
    await client.end();
  }
}

const checks = {
  simple_and_parameters: () =>
    withClient(async (c) => {
      assert.deepStrictEqual((await c.query('select 1 as a; select 2 as b')).map((r) => r.rows[0]), [{ a: 1 }, { b: 2 }]);
      assert.strictEqual((await c.query('select $1::text as t', ['ä€🙂'])).rows[0].t, 'ä€🙂');
    }),

  named_statements: () =>
    withClient(async (c) => {
      for (let n = 0; n < 20; n++) {
        const r = await c.query({ name: 'twice', text: 'select $1::int * 2 as n', values: [n] });
        assert.strictEqual(r.rows[0].n, 2 * n);
      }
    }),

  binary_results: () =>
    withClient(async (c) => {
      const r = await c.query({ text: 'select $1::int4 as n, length($2::bytea) as b', values: [7, Buffer.from([0, 255])], binary: true });
      assert.deepStrictEqual(r.rows[0], { n: 7, b: 2 });
    }),

  queued_queries: () =>
    withClient(async (c) => {
      const all = await Promise.all(Array.from({ length: 200 }, (_, n) => c.query('select $1::int as n', [n])));
      assert.deepStrictEqual(all.map((r) => r.rows[0].n), Array.from({ length: 200 }, (_, n) => n));
    }),

  portal_with_row_limit: () =>
    withClient(async (c) => {
      const cursor = c.query(new Cursor('select generate_series(1, 1000) as n'));
      let sum = 0;
      for (;;) {
        const rows = await cursor.read(17);
        if (!rows.length) break;
        for (const row of rows) sum += row.n;
      }
      assert.strictEqual(sum, 500500);
      await cursor.close();
    }),

  query_stream: () =>
    withClient(async (c) => {
      let n = 0;
      for await (const row of c.query(new QueryStream('select * from generate_series(1, 5000) g', [], { batchSize: 100 }))) n += row.g > 0;
      assert.strictEqual(n, 5000);
    }),

  copy_both_ways: () =>
    withClient(async (c) => {
      await c.query('create temp table t(a int, b text)');
      function* lines() {
        for (let n = 0; n < 20000; n++) yield `${n}\t${'x'.repeat(n % 50)}\n`;
      }
      await pipeline(Readable.from(lines()), c.query(copyFrom('copy t from stdin')));
      let bytes = 0;
      for await (const chunk of c.query(copyTo('copy t to stdout'))) bytes += chunk.length;
      assert.ok(bytes > 500000);
      assert.strictEqual((await c.query('select count(*)::int as n from t')).rows[0].n, 20000);
    }),

  listen_notify: () =>
    withClient(async (c) => {
      const got = new Promise((resolve) => c.on('notification', resolve));
      await c.query('listen chan');
      await c.query("select pg_notify('chan', 'hello')");
      assert.strictEqual((await got).payload, 'hello');
    }),

  notices: () =>
    withClient(async (c) => {
      const seen = [];
      c.on('notice', (n) => seen.push(n.message));
      await c.query("do $$ begin raise notice 'one'; end $$");
      assert.deepStrictEqual(seen, ['one']);
    }),

  errors_keep_their_fields: () =>
    withClient(async (c) => {
      await assert.rejects(c.query('select  nothere'), (e) => e.code === '42703' && e.position === '9');
      await assert.rejects(c.query('select $1::int', ['x']), (e) => e.code === '22P02');
      assert.strictEqual((await c.query('select 1 as a')).rows[0].a, 1);
    }),

  cancel: () =>
    withClient(async (c) => {
      await withClient(async (other) => {
        const sleeping = assert.rejects(c.query('select pg_sleep(30)'), (e) => e.code === '57014');
        while ((await other.query('select pg_cancel_backend(pid) from pg_stat_activity where pid = $1 and state = $2 and query like $3', [c.processID, 'active', '%sleep(30)%'])).rowCount === 0);
        await sleeping;
      });
    }),

  transactions: () =>
    withClient(async (c) => {
      await c.query('begin');
      await c.query('create temp table t(a int)');
      await assert.rejects(c.query('select nothere'));
      await assert.rejects(c.query('select 1'), (e) => e.code === '25P02');
      await c.query('rollback');
      assert.strictEqual((await c.query('select 1 as a')).rows[0].a, 1);
    }),

  pool: async () => {
    const pool = new Pool({ max: 10 });
    const all = await Promise.all(Array.from({ length: 300 }, (_, n) => pool.query('select $1::int as n', [n])));
    assert.strictEqual(all.reduce((sum, r) => sum + r.rows[0].n, 0), 44850);
    await pool.end();
  },

  big_values: () =>
    withClient(async (c) => {
      const text = 'y'.repeat(20000000);
      assert.strictEqual((await c.query('select $1::text as t', [text])).rows[0].t.length, text.length);
    }),
};

(async () => {
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(`ok - ${name}`);
    } catch (e) {
      failed++;
      console.log(`not ok - ${name}`);
      console.log(e);
    }
  }
  process.exit(failed ? 1 : 0);
})();
