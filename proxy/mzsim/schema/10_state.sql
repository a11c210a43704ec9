-- State of the stand-in. Everything that the relations of mz_catalog and
-- mz_internal show is computed from these tables, the knobs and the clock.

CREATE SCHEMA mz_sim;
CREATE SCHEMA mz_catalog;
CREATE SCHEMA mz_internal;
CREATE SCHEMA mz_introspection;
GRANT USAGE ON SCHEMA mz_sim, mz_catalog, mz_internal, mz_introspection TO PUBLIC;

-- Unsigned types. Their OIDs on the wire are those of the base types.
CREATE DOMAIN pg_catalog.uint2 AS int4 CHECK (VALUE BETWEEN 0 AND 65535);
CREATE DOMAIN pg_catalog.uint4 AS int8 CHECK (VALUE BETWEEN 0 AND 4294967295);
CREATE DOMAIN pg_catalog.uint8 AS int8 CHECK (VALUE >= 0);
CREATE DOMAIN pg_catalog.mz_timestamp AS numeric CHECK (VALUE >= 0);

CREATE ROLE mz_monitor NOLOGIN;
CREATE ROLE mz_monitor_redacted NOLOGIN;

CREATE SEQUENCE mz_sim.cluster_seq START 2;
CREATE SEQUENCE mz_sim.replica_seq START 2;
CREATE SEQUENCE mz_sim.object_seq;
CREATE SEQUENCE mz_sim.audit_seq;
CREATE SEQUENCE mz_sim.statement_seq;

CREATE TABLE mz_sim.sizes (
    size text PRIMARY KEY,
    processes int NOT NULL DEFAULT 1,
    workers int NOT NULL,
    cpu_nano_cores int8 NOT NULL,
    memory_bytes int8 NOT NULL,
    disk_bytes int8 NOT NULL,
    credits_per_hour numeric NOT NULL
);
INSERT INTO mz_sim.sizes VALUES
    ('25cc',   1,  1,   500000000,   4069523456,    8139046912, 0.25),
    ('50cc',   1,  1,  1000000000,   8139046912,   16279142400, 0.5),
    ('100cc',  1,  2,  2000000000,  16279142400,   32558284800, 1),
    ('200cc',  1,  4,  4000000000,  32558284800,   65116569600, 2),
    ('300cc',  1,  6,  6000000000,  48837427200,   97674854400, 3),
    ('400cc',  1,  8,  8000000000,  65116569600,  130234187776, 4),
    ('600cc',  1, 12, 12000000000,  97674854400,  195350757376, 6),
    ('800cc',  1, 16, 16000000000, 130234187776,  260468375552, 8),
    ('1200cc', 1, 24, 24000000000, 195350757376,  390702563328, 12),
    ('1600cc', 1, 31, 31000000000, 252329328640,  504658657280, 16),
    ('3200cc', 1, 62, 62000000000, 504658657280, 1009317314560, 32);
INSERT INTO mz_sim.sizes
    SELECT a.alias, s.processes, s.workers, s.cpu_nano_cores, s.memory_bytes, s.disk_bytes, s.credits_per_hour
    FROM (VALUES ('small', '25cc'), ('medium', '100cc'), ('large', '400cc'), ('xlarge', '1600cc')) AS a (alias, size)
    JOIN mz_sim.sizes s USING (size);

CREATE TABLE mz_sim.clusters (
    id text PRIMARY KEY,
    name text NOT NULL UNIQUE,
    owner oid NOT NULL,
    managed bool NOT NULL,
    size text,
    replication_factor int8,
    disk bool NOT NULL DEFAULT true,
    availability_zones text[],
    introspection_debugging bool NOT NULL DEFAULT false,
    introspection_interval interval NOT NULL DEFAULT '1s',
    schedule text NOT NULL DEFAULT 'manual',
    auto_scaling jsonb,
    workload_class text
);

CREATE TABLE mz_sim.replicas (
    id text PRIMARY KEY,
    cluster_id text NOT NULL REFERENCES mz_sim.clusters ON DELETE CASCADE,
    name text NOT NULL,
    size text NOT NULL REFERENCES mz_sim.sizes,
    owner oid NOT NULL,
    availability_zone text,
    internal bool NOT NULL DEFAULT false,
    billed_as text,
    created_at timestamptz NOT NULL,
    startup interval NOT NULL, -- created to online, as it was known at creation
    purpose text NOT NULL DEFAULT 'steady' CHECK (purpose IN ('steady', 'reconfiguration', 'burst')),
    UNIQUE (cluster_id, name)
);

-- The latest change of the shape of a managed cluster: it stays when it is done.
CREATE TABLE mz_sim.reconfigurations (
    cluster_id text PRIMARY KEY REFERENCES mz_sim.clusters ON DELETE CASCADE,
    status text NOT NULL CHECK (status IN ('in-progress', 'finalized', 'timed-out', 'cancelled')),
    deadline timestamptz NOT NULL,
    on_timeout text NOT NULL CHECK (on_timeout IN ('rollback', 'commit')),
    patient bool NOT NULL, -- it goes on to the deadline, whatever is ready before
    size text NOT NULL,
    replication_factor int8 NOT NULL,
    introspection_debugging bool NOT NULL,
    introspection_interval interval NOT NULL,
    token text -- of the statement that waits for it
);

-- Bursts that are going on.
CREATE TABLE mz_sim.bursts (
    cluster_id text PRIMARY KEY REFERENCES mz_sim.clusters ON DELETE CASCADE,
    size text NOT NULL,
    linger interval NOT NULL,
    steady_hydrated_at timestamptz
);

-- A crash takes one process offline at a moment; it is back after startup.
CREATE TABLE mz_sim.crashes (
    replica_id text NOT NULL REFERENCES mz_sim.replicas ON DELETE CASCADE,
    process_id int NOT NULL,
    at timestamptz NOT NULL,
    reason text,
    startup interval NOT NULL
);
CREATE INDEX ON mz_sim.crashes (replica_id);

-- Hydrations that do not follow from the knob: forced ones, and those that
-- had happened when the knob was changed. A NULL object stands for all.
CREATE TABLE mz_sim.hydrations (
    replica_id text NOT NULL REFERENCES mz_sim.replicas ON DELETE CASCADE,
    object_id text,
    at timestamptz NOT NULL
);
CREATE INDEX ON mz_sim.hydrations (replica_id);

-- Objects of users. Those that PostgreSQL knows have an oid and take name and
-- schema from pg_class; indexes and sinks exist here only.
CREATE TABLE mz_sim.objects (
    id text PRIMARY KEY,
    oid oid UNIQUE,
    name text,
    schema oid,
    type text NOT NULL,
    subtype text,
    on_id text,
    cluster_id text REFERENCES mz_sim.clusters,
    owner oid NOT NULL,
    definition text,
    create_sql text,
    created_at timestamptz NOT NULL,
    connection_id text, -- of a source or sink
    restarted_at timestamptz, -- when it last became able to run: its replica was dropped, or it was mended
    stalled text, -- the error that keeps a source or sink from running
    -- The replicas that run it: all of its cluster, the first of them, or, if NULL, none.
    runs text GENERATED ALWAYS AS (CASE
        WHEN type IN ('index', 'materialized-view') THEN 'all'
        WHEN type = 'sink' OR type = 'source' AND subtype IN ('postgres', 'mysql', 'sql-server') THEN 'one'
        WHEN type = 'source' AND subtype IN ('kafka', 'load-generator') THEN 'all' END) STORED
);
CREATE INDEX ON mz_sim.objects (cluster_id);

-- What dropped replicas have reported of sources: it stays.
CREATE TABLE mz_sim.past_reports (
    object_id text NOT NULL REFERENCES mz_sim.objects ON DELETE CASCADE,
    replica_id text NOT NULL,
    hydrated bool NOT NULL,
    PRIMARY KEY (object_id, replica_id)
);

CREATE TABLE mz_sim.comments (
    id text NOT NULL,
    object_type text NOT NULL,
    object_sub_id int4,
    comment text NOT NULL
);

CREATE TABLE mz_sim.audit (
    id int8 PRIMARY KEY DEFAULT nextval('mz_sim.audit_seq'),
    event_type text NOT NULL,
    object_type text NOT NULL,
    details jsonb NOT NULL,
    role text,
    occurred_at timestamptz NOT NULL
);

CREATE TABLE mz_sim.replica_renames (occurred_at timestamptz, id text, previous_name text, new_name text);

CREATE TABLE mz_sim.sessions (
    id uuid PRIMARY KEY,
    connection_id int8 NOT NULL,
    role name NOT NULL,
    client_ip text,
    connected_at timestamptz NOT NULL
);

CREATE TABLE mz_sim.subscriptions (
    id text PRIMARY KEY,
    session_id uuid NOT NULL,
    cluster_id text,
    created_at timestamptz NOT NULL,
    referenced_object_ids text[],
    cut_code text, -- with cut_message: the error that it is to end with
    cut_message text
);

CREATE TABLE mz_sim.statements (
    seq int8 PRIMARY KEY DEFAULT nextval('mz_sim.statement_seq'),
    execution_id uuid NOT NULL DEFAULT gen_random_uuid(),
    prepared_statement_id uuid NOT NULL DEFAULT gen_random_uuid(),
    session_id uuid NOT NULL,
    sample_rate float8 NOT NULL,
    cluster_id text,
    cluster_name text,
    application_name text,
    role text,
    search_path text,
    sql text NOT NULL,
    redacted_sql text, -- without its constants
    statement_type text,
    began_at timestamptz NOT NULL,
    finished_at timestamptz,
    finished_status text,
    error_message text,
    rows_returned int8,
    execution_strategy text,
    prepared_name text
);
CREATE INDEX ON mz_sim.statements (cluster_id, finished_at);

CREATE TABLE mz_sim.refusals (
    id int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    pattern text NOT NULL,
    message text NOT NULL,
    code text NOT NULL,
    times int NOT NULL
);

-- The logs that every cluster keeps an index on. The indexes are a table, so that who asks for objects of users only, by their
-- ids, does not pay for these.
CREATE TABLE mz_sim.introspection_indexes (
    id text PRIMARY KEY,
    name text NOT NULL,
    on_id text NOT NULL,
    cluster_id text NOT NULL REFERENCES mz_sim.clusters ON DELETE CASCADE
);
CREATE INDEX ON mz_sim.introspection_indexes (cluster_id);
CREATE TABLE mz_sim.introspection_logs (n int PRIMARY KEY, name text NOT NULL);
INSERT INTO mz_sim.introspection_logs SELECT ordinality, name FROM unnest(ARRAY[
    'mz_active_peeks_per_worker', 'mz_arrangement_batcher_allocations_raw', 'mz_arrangement_batcher_capacity_raw',
    'mz_arrangement_batcher_records_raw', 'mz_arrangement_batcher_size_raw', 'mz_arrangement_batches_raw',
    'mz_arrangement_heap_allocations_raw', 'mz_arrangement_heap_capacity_raw', 'mz_arrangement_heap_size_raw',
    'mz_arrangement_records_raw', 'mz_arrangement_sharing_raw', 'mz_cluster_prometheus_metrics',
    'mz_compute_dataflow_global_ids_per_worker', 'mz_compute_error_counts_raw', 'mz_compute_exports_per_worker',
    'mz_compute_frontiers_per_worker', 'mz_compute_hydration_times_per_worker', 'mz_compute_import_frontiers_per_worker',
    'mz_compute_lir_mapping_per_worker', 'mz_compute_operator_durations_histogram_raw',
    'mz_compute_operator_hydration_statuses_per_worker', 'mz_dataflow_addresses_per_worker', 'mz_dataflow_channels_per_worker',
    'mz_dataflow_operator_reachability_raw', 'mz_dataflow_operators_per_worker', 'mz_message_batch_counts_received_raw',
    'mz_message_batch_counts_sent_raw', 'mz_message_counts_received_raw', 'mz_message_counts_sent_raw',
    'mz_peek_durations_histogram_raw', 'mz_scheduling_elapsed_raw', 'mz_scheduling_parks_histogram_raw'
]) WITH ORDINALITY AS l (name, ordinality);
