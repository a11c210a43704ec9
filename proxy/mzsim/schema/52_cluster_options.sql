-- ALTER CLUSTER ... SET and RESET, which are the same once defaults are filled in.

-- to_managed checks the conditions of a conversion, in the order in which Materialize does, and fills size and factor.
CREATE FUNCTION mz_sim.to_managed(c mz_sim.clusters, spec jsonb) RETURNS mz_sim.clusters
    LANGUAGE plpgsql AS $$
DECLARE
    sizes text[] := ARRAY(SELECT DISTINCT r.size FROM mz_sim.replicas r WHERE r.cluster_id = c.id AND NOT r.internal ORDER BY r.size);
    count int := (SELECT count(*) FROM mz_sim.replicas r WHERE r.cluster_id = c.id AND NOT r.internal);
    bad text := (SELECT string_agg(r.name, ', ' ORDER BY r.name) FROM mz_sim.replicas r
                 WHERE r.cluster_id = c.id AND NOT r.internal AND r.name NOT IN (SELECT 'r' || i FROM generate_series(1, count) i));
BEGIN
    IF spec ? 'replication_factor' AND (spec->>'replication_factor')::int <> count THEN
        PERFORM mz_sim.fail(format('REPLICATION FACTOR %s does not match number of replicas (%s)', spec->>'replication_factor', count));
    ELSIF count = 0 AND NOT spec ? 'size' THEN
        PERFORM mz_sim.fail('Missing SIZE for empty cluster');
    ELSIF cardinality(sizes) > 1 THEN
        PERFORM mz_sim.fail('Cannot convert unmanaged cluster to managed, non-unique replica sizes: ' || array_to_string(sizes, ', '));
    ELSIF count > 0 AND spec ? 'size' AND spec->>'size' <> sizes[1] THEN
        PERFORM mz_sim.fail(format('Cluster replicas of size %s do not match expected SIZE %s', sizes[1], spec->>'size'));
    ELSIF bad IS NOT NULL THEN
        PERFORM mz_sim.fail('Cannot convert unmanaged cluster to managed, invalid replica names: ' || bad);
    END IF;
    c.managed := true;
    c.size := coalesce(sizes[1], spec->>'size');
    c.replication_factor := count;
    c.availability_zones := '{}';
    PERFORM mz_sim.check_size(c.size);
    RETURN c;
END $$;

-- check_features refuses what a region has to enable.
CREATE FUNCTION mz_sim.check_features(spec jsonb) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF spec ? 'wait' AND NOT spec ?| ARRAY['size', 'availability_zones', 'introspection_debugging', 'introspection_interval'] THEN
        PERFORM mz_sim.fail('WAIT can only be used together with a SIZE, AVAILABILITY ZONES, INTROSPECTION, or EXPERIMENTAL ARRANGEMENT COMPRESSION change');
    ELSIF spec ? 'wait' THEN
        PERFORM mz_sim.check_feature('Enable zero-downtime reconfiguration for alter cluster', 'enable_zero_downtime_cluster_reconfiguration');
    END IF;
    IF spec ? 'auto_scaling_strategy' AND NOT mz_sim.graceful() THEN
        PERFORM mz_sim.fail('Expected one of AVAILABILITY or INTROSPECTION or MANAGED or REPLICAS or REPLICATION or SIZE or SCHEDULE or WORKLOAD, found identifier "auto"', '42601');
    END IF;
    IF spec->>'schedule' <> 'manual' THEN
        PERFORM mz_sim.check_feature('`SCHEDULE = ON REFRESH` cluster option', 'enable_cluster_schedule_refresh');
    END IF;
END $$;

CREATE FUNCTION mz_sim.check_feature(what text, flag text) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF NOT mz_sim.knob(flag)::bool THEN
        RAISE EXCEPTION USING ERRCODE = 'XX000', MESSAGE = what || ' is not available',
            DETAIL = format('The requested feature (%s) is in private preview.', flag),
            HINT = 'Contact support to discuss enabling the feature in your Materialize region.';
    END IF;
END $$;

-- check_auto_scaling refuses a strategy that has no meaning for the cluster, or for the size that it is on its way to.
CREATE FUNCTION mz_sim.check_auto_scaling(c mz_sim.clusters) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE burst text := c.auto_scaling->'on_hydration'->>'hydration_size';
BEGIN
    IF burst IS NULL THEN RETURN; END IF;
    PERFORM mz_sim.check_size(burst);
    IF burst = c.size THEN
        PERFORM mz_sim.fail(format('HYDRATION SIZE must differ from the cluster SIZE (''%s''); a burst replica at the same size would not accelerate hydration', c.size));
    ELSIF burst = (SELECT r.size FROM mz_sim.reconfigurations r WHERE r.cluster_id = c.id AND r.status = 'in-progress') THEN
        PERFORM mz_sim.fail(format('HYDRATION SIZE must differ from the target SIZE (''%s'') of the in-progress cluster resize', burst));
    ELSIF c.schedule <> 'manual' THEN
        PERFORM mz_sim.fail('AUTO SCALING STRATEGY cannot be combined with a SCHEDULE other than MANUAL');
    END IF;
END $$;

-- check_unoccupied refuses what cannot be changed while a cluster is on its way to another shape.
CREATE FUNCTION mz_sim.check_unoccupied(c mz_sim.clusters, spec jsonb, managed bool) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE busy bool := EXISTS (SELECT FROM mz_sim.reconfigurations r WHERE r.cluster_id = c.id AND r.status = 'in-progress');
BEGIN
    IF busy AND NOT mz_sim.graceful() THEN
        PERFORM mz_sim.fail('cannot alter clusters with pending updates', '55006');
    ELSIF busy AND NOT managed THEN
        PERFORM mz_sim.fail('cannot convert cluster to unmanaged while a reconfiguration is in progress', '55006');
    ELSIF busy AND (spec->>'replication_factor')::int8 <> c.replication_factor THEN
        PERFORM mz_sim.fail('cannot change replication factor while a reconfiguration is in progress', '55006');
    ELSIF busy AND spec->>'schedule' <> c.schedule THEN
        PERFORM mz_sim.fail('cannot change the cluster schedule while a reconfiguration is in progress', '55006');
    ELSIF NOT managed AND EXISTS (SELECT FROM mz_sim.bursts b WHERE b.cluster_id = c.id) THEN
        PERFORM mz_sim.fail('cannot convert cluster to unmanaged while a hydration burst is in progress', '55006',
            'Remove the strategy with `ALTER CLUSTER ... RESET (AUTO SCALING STRATEGY)`, or wait for the burst to finish.');
    END IF;
END $$;

-- check_unmanaged_options refuses options that unmanaged clusters have not.
CREATE FUNCTION mz_sim.check_unmanaged_options(spec jsonb) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE wanted text := (SELECT upper(replace(k, '_', ' '))
    FROM unnest(ARRAY['auto_scaling_strategy', 'availability_zones', 'replication_factor', 'introspection_debugging', 'introspection_interval', 'size']) k
    WHERE spec ? k LIMIT 1);
BEGIN
    IF wanted IS NOT NULL THEN
        PERFORM mz_sim.fail(format('%s not supported for unmanaged clusters', wanted));
    ELSIF spec->>'schedule' <> 'manual' THEN
        PERFORM mz_sim.fail('cluster schedules other than MANUAL are not supported for unmanaged clusters');
    END IF;
END $$;

CREATE PROCEDURE mz_sim.set_options(cluster text, spec jsonb, if_exists bool)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    c mz_sim.clusters;
    before mz_sim.clusters;
    managed bool;
BEGIN
    PERFORM mz_sim.begin_ddl();
    IF if_exists AND NOT EXISTS (SELECT FROM mz_sim.clusters WHERE name = cluster) THEN
        PERFORM mz_sim.skip('cluster', cluster);
        RETURN;
    END IF;
    c := mz_sim.find_cluster(cluster);
    before := c;
    PERFORM mz_sim.check_owner('CLUSTER', c.name, c.id, c.owner);
    managed := coalesce((spec->>'managed')::bool, c.managed);
    IF c.managed THEN
        PERFORM mz_sim.check_unoccupied(c, spec, managed);
    END IF;
    IF NOT managed AND NOT c.managed THEN
        PERFORM mz_sim.check_unmanaged_options(spec);
    ELSIF NOT managed THEN
        IF c.schedule <> 'manual' AND NOT spec ? 'schedule' THEN
            PERFORM mz_sim.fail('when switching a cluster to unmanaged, if the managed cluster''s SCHEDULE is anything other than MANUAL, you have to explicitly set the SCHEDULE to MANUAL');
        END IF;
        c.schedule := 'manual';
        c.managed := false; c.size := NULL; c.replication_factor := NULL; c.availability_zones := NULL; c.auto_scaling := NULL;
    ELSE
        IF NOT c.managed THEN
            c := mz_sim.to_managed(c, spec);
        END IF;
        c := mz_sim.with_options(c, spec);
    END IF;
    c.workload_class := CASE WHEN spec ? 'workload_class' THEN spec->>'workload_class' ELSE c.workload_class END;
    PERFORM mz_sim.audit('alter', 'cluster', jsonb_build_object('id', c.id, 'name', c.name));
    IF NOT managed THEN
        PERFORM mz_sim.store_options(c);
    ELSIF before.managed AND mz_sim.is_reconfiguration(before, c, spec) THEN
        PERFORM mz_sim.begin_reconfiguration(before, c, spec->'wait');
    ELSE
        IF before.managed AND spec ?| ARRAY['size', 'availability_zones', 'introspection_debugging', 'introspection_interval'] THEN
            PERFORM mz_sim.abandon_reconfiguration(c.id, 'cancelled'); -- it is to stay as it is
        END IF;
        PERFORM mz_sim.store_options(c);
        PERFORM mz_sim.reconcile_managed(c);
    END IF;
    PERFORM mz_sim.scale(c.id);
    IF c.replication_factor > before.replication_factor THEN
        PERFORM mz_sim.warn_of_single_replica_sources(c.id);
    END IF;
END $$;

-- with_options is a managed cluster with the options of a statement.
CREATE FUNCTION mz_sim.with_options(c mz_sim.clusters, spec jsonb) RETURNS mz_sim.clusters
    LANGUAGE plpgsql AS $$
DECLARE others int := (SELECT count(*) FROM mz_sim.replicas r WHERE r.cluster_id = c.id AND NOT r.internal AND r.purpose = 'steady');
BEGIN
    PERFORM mz_sim.check_features(spec);
    IF spec ? 'wait' AND coalesce(spec->>'schedule', c.schedule) <> 'manual' THEN
        PERFORM mz_sim.fail('WAIT is not supported when the cluster SCHEDULE is not MANUAL', '0A000');
    END IF;
    c.size := coalesce(spec->>'size', c.size);
    c.replication_factor := coalesce((spec->>'replication_factor')::int8, c.replication_factor);
    c.schedule := coalesce(spec->>'schedule', c.schedule);
    c.introspection_debugging := coalesce((spec->>'introspection_debugging')::bool, c.introspection_debugging);
    c.introspection_interval := coalesce((spec->>'introspection_interval')::interval, c.introspection_interval);
    IF spec ? 'auto_scaling_strategy' THEN c.auto_scaling := mz_sim.scaling(spec->'auto_scaling_strategy'); END IF;
    PERFORM mz_sim.check_size(c.size);
    PERFORM mz_sim.check_auto_scaling(c);
    PERFORM mz_sim.check_room(c.id, c.size, c.replication_factor::int - others);
    RETURN c;
END $$;

CREATE FUNCTION mz_sim.store_options(c mz_sim.clusters) RETURNS void
    LANGUAGE sql VOLATILE AS $$
    UPDATE mz_sim.clusters SET managed = c.managed, size = c.size, replication_factor = c.replication_factor,
        availability_zones = c.availability_zones, schedule = c.schedule, auto_scaling = c.auto_scaling,
        introspection_debugging = c.introspection_debugging, introspection_interval = c.introspection_interval,
        workload_class = c.workload_class WHERE id = c.id
$$;
