-- mz_catalog. Columns as documented; unsigned integers are domains over int8,
-- mz_aclitem[] and lists are text[].

CREATE VIEW mz_catalog.mz_clusters AS
    SELECT id, name, mz_sim.role_id(owner) AS owner_id, mz_sim.cluster_acl(clusters) AS privileges, managed, size,
           replication_factor::uint4 AS replication_factor, CASE WHEN managed THEN disk END AS disk, availability_zones,
           CASE WHEN managed THEN introspection_debugging END AS introspection_debugging,
           CASE WHEN managed THEN introspection_interval END AS introspection_interval
    FROM mz_sim.clusters;

CREATE VIEW mz_catalog.mz_cluster_replicas AS
    SELECT id, name, cluster_id, size, availability_zone, mz_sim.role_id(owner) AS owner_id, true AS disk FROM mz_sim.replicas;

CREATE VIEW mz_catalog.mz_cluster_replica_sizes AS
    SELECT size, processes::uint8 AS processes, workers::uint8 AS workers, cpu_nano_cores::uint8 AS cpu_nano_cores,
           memory_bytes::uint8 AS memory_bytes, disk_bytes::uint8 AS disk_bytes, credits_per_hour
    FROM mz_sim.sizes;

CREATE FUNCTION mz_sim.schema_id(schema oid) RETURNS text
    LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN mz_sim.is_system_schema(nspname) THEN 's' ELSE 'u' END || oid FROM pg_catalog.pg_namespace WHERE oid = schema
$$;

CREATE VIEW mz_catalog.mz_databases AS
    SELECT 'u1' AS id, oid, datname::text AS name, mz_sim.role_id(datdba) AS owner_id, mz_sim.owner_acl(datdba, 'UC') AS privileges
    FROM pg_catalog.pg_database WHERE datname = current_database();

CREATE VIEW mz_catalog.mz_schemas AS
    SELECT mz_sim.schema_id(oid) AS id, oid, CASE WHEN NOT mz_sim.is_system_schema(nspname) THEN 'u1' END AS database_id,
           nspname::text AS name, coalesce(mz_sim.role_id(nspowner), 's1') AS owner_id, mz_sim.owner_acl(nspowner, 'UC') AS privileges
    FROM pg_catalog.pg_namespace WHERE nspname <> 'mz_sim' AND nspname NOT LIKE 'pg\_t%';

-- Relations of the system: what lives in the schemas of the system, with an id s<oid>.
CREATE VIEW mz_sim.system_relations AS
    SELECT 's' || c.oid AS id, c.oid, mz_sim.schema_id(c.relnamespace) AS schema_id, c.relname::text AS name,
           CASE c.relkind WHEN 'r' THEN 'table' ELSE 'view' END AS type
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('mz_catalog', 'mz_internal', 'mz_introspection') AND c.relkind IN ('r', 'v');

CREATE VIEW mz_catalog.mz_relations AS
    SELECT id, oid, mz_sim.schema_id(schema) AS schema_id, name, type, mz_sim.role_id(owner) AS owner_id, cluster_id,
           mz_sim.relation_acl(oid, owner, 'arwd') AS privileges
    FROM mz_sim.named_objects WHERE type IN ('table', 'source', 'view', 'materialized-view')
    UNION ALL
    SELECT id, oid, schema_id, name, type, 's1', NULL, ARRAY['=r/s1'] FROM mz_sim.system_relations;

CREATE VIEW mz_catalog.mz_indexes AS
    SELECT id, oid, name, on_id, cluster_id, mz_sim.role_id(owner) AS owner_id, create_sql, create_sql AS redacted_create_sql
    FROM mz_sim.named_objects WHERE type = 'index'
    UNION ALL
    SELECT id, (300000 + substr(id, 3)::int8)::oid, name, on_id, cluster_id, 's1', NULL, NULL FROM mz_sim.introspection_indexes;

CREATE VIEW mz_catalog.mz_objects AS
    SELECT id, oid, schema_id, name, type, owner_id, cluster_id, privileges FROM mz_catalog.mz_relations
    UNION ALL
    SELECT id, oid, mz_sim.schema_id(schema), name, type, mz_sim.role_id(owner), cluster_id, NULL
    FROM mz_sim.named_objects WHERE type IN ('index', 'sink', 'connection', 'secret')
    UNION ALL
    SELECT id, (300000 + substr(id, 3)::int8)::oid, mz_sim.schema_id('mz_introspection'::regnamespace), name, 'index', 's1', cluster_id, NULL
    FROM mz_sim.introspection_indexes;

CREATE VIEW mz_catalog.mz_materialized_views AS
    SELECT id, oid, mz_sim.schema_id(schema) AS schema_id, name, cluster_id, definition, mz_sim.role_id(owner) AS owner_id,
           mz_sim.relation_acl(oid, owner, 'r') AS privileges, create_sql, create_sql AS redacted_create_sql
    FROM mz_sim.named_objects WHERE type = 'materialized-view';

CREATE VIEW mz_catalog.mz_views AS
    SELECT id, oid, mz_sim.schema_id(schema) AS schema_id, name, definition, mz_sim.role_id(owner) AS owner_id,
           mz_sim.relation_acl(oid, owner, 'r') AS privileges, create_sql, create_sql AS redacted_create_sql
    FROM mz_sim.named_objects WHERE type = 'view';

CREATE VIEW mz_catalog.mz_tables AS
    SELECT id, oid, mz_sim.schema_id(schema) AS schema_id, name, mz_sim.role_id(owner) AS owner_id,
           mz_sim.relation_acl(oid, owner, 'arwd') AS privileges, create_sql, create_sql AS redacted_create_sql, on_id AS source_id
    FROM mz_sim.named_objects WHERE type = 'table';

CREATE VIEW mz_catalog.mz_connections AS
    SELECT id, oid, mz_sim.schema_id(schema) AS schema_id, name, subtype AS type, mz_sim.role_id(owner) AS owner_id,
           mz_sim.owner_acl(owner, 'U') AS privileges, create_sql, create_sql AS redacted_create_sql
    FROM mz_sim.named_objects WHERE type = 'connection';

CREATE VIEW mz_catalog.mz_secrets AS
    SELECT id, oid, mz_sim.schema_id(schema) AS schema_id, name, mz_sim.role_id(owner) AS owner_id, mz_sim.owner_acl(owner, 'U') AS privileges
    FROM mz_sim.named_objects WHERE type = 'secret';

CREATE VIEW mz_catalog.mz_sources AS
    SELECT id, oid, mz_sim.schema_id(schema) AS schema_id, name, subtype AS type, connection_id, NULL::text AS size,
           CASE WHEN subtype = 'kafka' THEN 'none' END AS envelope_type, NULL::text AS key_format, NULL::text AS value_format,
           cluster_id, mz_sim.role_id(owner) AS owner_id, mz_sim.relation_acl(oid, owner, 'r') AS privileges,
           create_sql, create_sql AS redacted_create_sql
    FROM mz_sim.named_objects WHERE type = 'source';

CREATE VIEW mz_catalog.mz_sinks AS
    SELECT id, oid, mz_sim.schema_id(schema) AS schema_id, name, subtype AS type, connection_id, NULL::text AS size,
           CASE WHEN subtype = 'kafka' THEN 'debezium' END AS envelope_type, NULL::text AS format, NULL::text AS key_format,
           NULL::text AS value_format, cluster_id, mz_sim.role_id(owner) AS owner_id, create_sql, create_sql AS redacted_create_sql
    FROM mz_sim.named_objects WHERE type = 'sink';

CREATE VIEW mz_catalog.mz_columns AS
    SELECT o.id, a.attname::text AS name, a.attnum::uint8 AS position, NOT a.attnotnull AS nullable,
           format_type(a.atttypid, a.atttypmod) AS type, pg_get_expr(d.adbin, d.adrelid) AS "default", a.atttypid AS type_oid, a.atttypmod AS type_mod
    FROM mz_catalog.mz_relations o
    JOIN pg_catalog.pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum;

CREATE VIEW mz_catalog.mz_roles AS
    SELECT mz_sim.role_id(oid) AS id, oid, rolname::text AS name, rolinherit AS inherit, rolcanlogin, nullif(rolsuper, false) AS rolsuper
    FROM pg_catalog.pg_roles WHERE rolname NOT LIKE 'pg\_%';

CREATE VIEW mz_catalog.mz_role_members AS
    SELECT mz_sim.role_id(roleid) AS role_id, mz_sim.role_id(member) AS member, mz_sim.role_id(grantor) AS grantor
    FROM pg_catalog.pg_auth_members
    WHERE roleid NOT IN (SELECT oid FROM pg_catalog.pg_roles WHERE rolname LIKE 'pg\_%');

CREATE VIEW mz_catalog.mz_role_parameters AS
    SELECT mz_sim.role_id(s.setrole) AS role_id, replace(split_part(c, '=', 1), 'mz_sim.', '') AS parameter_name,
           substr(c, strpos(c, '=') + 1) AS parameter_value
    FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) c WHERE s.setrole <> 0;

CREATE VIEW mz_catalog.mz_audit_events AS
    SELECT id::uint8 AS id, event_type, object_type, details, role AS "user", occurred_at FROM mz_sim.audit;

CREATE VIEW mz_catalog.mz_cluster_replica_frontiers AS
    SELECT object_id, replica_id, mz_now() AS write_frontier FROM mz_sim.hydration_seen WHERE hydrated;
