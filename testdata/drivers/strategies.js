// The SQL surface through node-postgres, in front of a demo whose replicas stay offline: one line `ok - name` a check.
'use strict';
const assert = require('assert');
const { Client } = require('pg');

const insert = 'INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ($1, $2, $3)';
const small = { target_size: 'small' };

// withClient gives f a connection with what it is told, and an empty table.
async function withClient(f, options) {
  const client = new Client(options);
  const told = [];
  client.on('notice', (n) => told.push(n.message));
  await client.connect();
  try {
    await client.query('DELETE FROM mz_cluster_strategies');
    const replicas = await client.query("SELECT cluster, replica FROM (SHOW CLUSTER REPLICAS) r WHERE cluster IN ('prod', 'staging')");
    for (const { cluster, replica } of replicas.rows) {
      await client.query(`DROP CLUSTER REPLICA "${cluster}"."${replica}"`);
    }
    told.length = 0;
    await f(client, told);
  } finally {
    await client.end();
  }
}

const kinds = async (c) => (await c.query('SELECT strategy_type FROM mz_cluster_strategies ORDER BY 1')).rows.map((r) => r.strategy_type);

const checks = {
  simple_query: () =>
    withClient(async (c, told) => {
      const r = await c.query(`INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "small"}')`);
      assert.strictEqual(r.rowCount, 1);
      assert.deepStrictEqual(told, ['created cluster replica "prod"."r_small" (small)']);
      await assert.rejects(c.query(`INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "smal"}')`), {
        code: '42704', position: '83', hint: 'Perhaps you meant "small".',
      });
    }),

  parameters: () =>
    withClient(async (c, told) => {
      await c.query(insert, ['prod', 'target_size', small]);
      assert.strictEqual(told.length, 1);
      await assert.rejects(c.query(insert, ['prod', 'target_size', { targetsize: 'small' }]), {
        code: '22023', message: 'unrecognized parameter "targetsize" for strategy "target_size" (parameter $3, at $.targetsize)',
      });
      await assert.rejects(c.query(insert, ['prd', 'target_size', small]), { code: '42704', message: 'unknown cluster "prd" (parameter $1)' });
    }),

  named_statements: () =>
    withClient(async (c, told) => {
      for (const target_size of ['small', 'medium', 'small']) {
        await c.query({ name: 'write', text: insert, values: ['prod', 'target_size', { target_size }] });
      }
      assert.strictEqual(told.filter((m) => m.startsWith('created')).length, 2);
      for (let n = 0; n < 3; n++) {
        const r = await c.query({ name: 'show', text: 'SHOW STRATEGIES' });
        assert.strictEqual(r.rows.length, 3);
      }
    }),

  several_statements: () =>
    withClient(async (c, told) => {
      const results = await c.query(`SELECT 1 AS one; SHOW STRATEGY HELP; INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "small"}')`);
      assert.deepStrictEqual(results.map((r) => r.command), ['SELECT', 'SELECT', 'INSERT']);
      assert.strictEqual(told.length, 1);
    }),

  transactions: () =>
    withClient(async (c, told) => {
      await c.query('BEGIN');
      await c.query(insert, ['prod', 'target_size', small]);
      assert.strictEqual(told.length, 0);
      await c.query('COMMIT');
      assert.strictEqual(told.length, 1);
      await c.query('BEGIN');
      await c.query(insert, ['prod', 'burst', { burst_replica_size: 'large' }]);
      await assert.rejects(c.query(insert, ['prod', 'burst', { burst_replica_size: 'larg' }]), { code: '42704' });
      await assert.rejects(c.query('SHOW STRATEGIES'), { code: '25P02' });
      assert.strictEqual((await c.query('COMMIT')).command, 'ROLLBACK');
      assert.deepStrictEqual(await kinds(c), ['target_size']);
    }),

  commands: () =>
    withClient(async (c) => {
      await c.query(insert, ['prod', 'target_size', small]);
      const [row] = (await c.query('SHOW STRATEGIES FOR CLUSTER prod')).rows;
      assert.deepStrictEqual([row.cluster, row.state, row.next_look, row.config], ['prod', 'active', null, small]);
      const [status] = (await c.query('SHOW STRATEGY STATUS')).rows;
      assert.deepStrictEqual([status.replicas, status.credits_per_hour], ['1', 0.25]);
      const [action] = (await c.query('SHOW STRATEGY ACTIONS LIMIT 1')).rows;
      assert.ok(action.at instanceof Date && action.result === 'executed');
      const [{ plan }] = (await c.query('EXPLAIN STRATEGY (FORMAT JSON) FOR CLUSTER prod')).rows;
      assert.strictEqual(plan.version, 1);
      await assert.rejects(c.query('SHOW STRATEGY STATS'), { code: '42601', position: '15' });
    }),

  notices: () =>
    withClient(async (c, told) => {
      await c.query(insert, ['prod', 'target_size', small]);
      assert.strictEqual(told.length, 0);
      assert.strictEqual((await c.query('SHOW strategy.notices')).rows[0]['strategy.notices'], 'off');
    }, { options: '-c strategy.notices=off' }),
};

(async () => {
  let failed = false;
  for (const [name, f] of Object.entries(checks)) {
    try {
      await f();
      console.log('ok -', name);
    } catch (e) {
      failed = true;
      console.log('not ok -', name);
      console.error(name, e);
    }
  }
  process.exit(failed ? 1 : 0);
})();
