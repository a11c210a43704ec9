-- What the relay asks about a statement before it lets it through.

-- scope says what names on a search path stand for: relations of the system, per-replica logs, objects of users, with the
-- clusters that have an index on them. Names that stand for nothing are left out; PostgreSQL will complain about them.
CREATE FUNCTION mz_sim.scope(names text[], path text) RETURNS TABLE (name text, kind text, id text, type text, writable bool, indexed text[])
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM set_config('search_path', path, true);
    RETURN QUERY
        SELECT CASE WHEN mz_sim.is_system_schema(n.nspname)
                    THEN CASE WHEN c.relname LIKE 'mz\_%' AND n.nspname = 'pg_catalog' THEN 'mz_catalog' ELSE n.nspname::text END || '.' || c.relname
                    ELSE format('%s.%s.%s', current_database(), n.nspname, c.relname) END,
               CASE WHEN n.nspname = 'mz_introspection' THEN 'introspection'
                    WHEN mz_sim.is_system_schema(n.nspname) THEN 'system' ELSE 'user' END,
               o.id, coalesce(o.type, 'table'), coalesce(o.type, 'table') IN ('table', 'view', 'materialized-view') AND NOT mz_sim.is_system_schema(n.nspname),
               CASE WHEN o.id IS NOT NULL THEN ARRAY(SELECT i.cluster_id FROM mz_sim.objects i WHERE i.on_id = o.id AND i.type = 'index') END
        FROM unnest(names) AS u (given)
        JOIN pg_catalog.pg_class c ON c.oid = to_regclass(u.given)
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN mz_sim.objects o ON o.oid = c.oid
        WHERE n.nspname NOT LIKE 'pg\_temp%';
END $$;

-- insertion says which table a name stands for, and whether a row that has values in these columns (NULL: in the first ones, as many as
-- width) takes a default that depends on the moment.
CREATE FUNCTION mz_sim.insertion(target text, path text, columns text[], width int) RETURNS TABLE (name text, moving bool)
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM set_config('search_path', path, true);
    RETURN QUERY
        SELECT n.nspname || '.' || c.relname,
               EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                         AND CASE WHEN columns IS NULL THEN a.attnum > width ELSE a.attname <> ALL (columns) END
                         AND pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~* '\m(now|mz_now|current_\w+|session_user|local\w+|version|mz_version)\M')
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = to_regclass(target);
END $$;

-- refuse_rows fails when a query that has this as its condition is executed, which is behind the description of its rows.
CREATE FUNCTION mz_sim.refuse_rows(code text, message text, detail text, hint text) RETURNS bool
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = detail, HINT = hint;
END $$;

-- starved tells whether one of these objects gets its data, by however many views, from a source that runs nowhere.
CREATE FUNCTION mz_sim.starved(objects text[]) RETURNS bool
    LANGUAGE sql STABLE AS $$
    WITH RECURSIVE fed (id) AS (
        SELECT unnest(objects)
        UNION
        SELECT d.referenced_object_id FROM fed JOIN mz_internal.mz_object_dependencies d ON d.object_id = fed.id
    )
    SELECT EXISTS (SELECT FROM fed JOIN mz_sim.objects o USING (id)
                   WHERE o.type = 'source' AND o.runs IS NOT NULL
                     AND NOT EXISTS (SELECT FROM mz_sim.hydration h WHERE h.object_id = o.id AND h.started_at <= now()))
$$;

-- watched says what a subscription has to know before it looks: the time, the error that it has to end with, how often it tells that there
-- is no news, whether it is too early for its first rows, and whether its time stands still, as it does while its cluster computes nothing.
CREATE FUNCTION mz_sim.watched(subscription text) RETURNS TABLE (now int8, code text, message text, tick interval, early bool, still bool)
    LANGUAGE sql STABLE AS $$
    SELECT floor(extract(epoch FROM now()) * 1000)::int8,
           CASE WHEN s.cut_code IS NOT NULL THEN s.cut_code WHEN s.cluster_id IS NOT NULL AND c.id IS NULL THEN '42704' END,
           coalesce(s.cut_message, format('cluster ''%s'' was dropped', s.cluster_id)),
           mz_sim.knob('tick')::interval,
           s.created_at + mz_sim.knob('snapshot_delay')::interval > now(),
           coalesce(s.cluster_id NOT LIKE 's%' AND NOT EXISTS (SELECT FROM mz_sim.replica_states r WHERE r.cluster_id = s.cluster_id AND r.online), false)
               OR CASE mz_sim.knob('standing_still') WHEN 'catalog' THEN s.cluster_id LIKE 's%' WHEN 'tables' THEN s.cluster_id LIKE 'u%' ELSE mz_sim.knob('standing_still') = 'all' END
    FROM (SELECT) x LEFT JOIN mz_sim.subscriptions s ON s.id = subscription LEFT JOIN mz_sim.clusters c ON c.id = s.cluster_id
$$;

-- readiness says whether a cluster can serve a read now: unknown, empty, replica (the targeted one is missing),
-- denied (the role may not use it), waiting, or ready. objects are those that the statement reads; an index on one of them has to be hydrated.
CREATE FUNCTION mz_sim.readiness(role name, cluster text, replica text, objects text[]) RETURNS TABLE (state text, cluster_id text, managed bool, replicas int)
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    c mz_sim.clusters;
    online text[];
    indexes text[];
BEGIN
    SELECT * INTO c FROM mz_sim.clusters x WHERE x.name = cluster;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'unknown', NULL, NULL::bool, 0;
        RETURN;
    END IF;
    cluster_id := c.id;
    managed := c.managed;
    replicas := (SELECT count(*) FROM mz_sim.replicas r WHERE r.cluster_id = c.id);
    -- Each reading asks this. Planning all of it in one query took 15 ms, so the states of replicas and the hydration of
    -- indexes are looked at only where there is something to wait for.
    IF NOT mz_sim.may_use(role, c) THEN
        state := 'denied';
    ELSIF replicas = 0 THEN
        state := 'empty';
    ELSIF replica <> '' AND NOT EXISTS (SELECT FROM mz_sim.replicas r WHERE r.cluster_id = c.id AND r.name = replica) THEN
        state := 'replica';
    ELSE
        state := 'waiting';
        online := ARRAY(SELECT s.replica_id FROM mz_sim.replica_states s JOIN mz_sim.replicas r ON r.id = s.replica_id
                        WHERE s.cluster_id = c.id AND s.online AND (replica = '' OR r.name = replica));
        indexes := ARRAY(SELECT o.id FROM mz_sim.objects o WHERE o.type = 'index' AND o.on_id = ANY (objects));
        IF online <> '{}' AND indexes <> '{}' THEN
            online := ARRAY(SELECT unnest(online) EXCEPT
                            SELECT h.replica_id FROM mz_sim.hydration h WHERE h.object_id = ANY (indexes) AND h.hydrated_at > now());
        END IF;
        IF online <> '{}' AND NOT (EXISTS (SELECT FROM mz_sim.objects o WHERE o.type = 'source' AND o.runs IS NOT NULL) AND mz_sim.starved(objects)) THEN
            state := 'ready';
        END IF;
    END IF;
    RETURN NEXT;
END $$;
