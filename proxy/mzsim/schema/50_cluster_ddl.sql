-- CREATE, ALTER, DROP and COMMENT ON of clusters and replicas. The parser has
-- turned the statement into values already; spec is the list of options.

CREATE PROCEDURE mz_sim.create_cluster(cluster text, spec jsonb)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    c mz_sim.clusters;
    replica jsonb;
    count int;
BEGIN
    PERFORM mz_sim.begin_ddl();
    PERFORM mz_sim.check_create_cluster();
    IF (spec->>'if_not_exists')::bool AND EXISTS (SELECT FROM mz_sim.clusters WHERE name = cluster) THEN
        RAISE NOTICE USING ERRCODE = '42710', MESSAGE = format('cluster "%s" already exists, skipping', cluster);
        RETURN;
    END IF;
    PERFORM mz_sim.check_new_name(cluster, format('cluster ''%s'' already exists', cluster));
    count := (SELECT count(*) FROM mz_sim.clusters WHERE id LIKE 'u%');
    PERFORM mz_sim.check_limit('cluster', 'max_clusters', count + 1, count);
    c.id := 'u' || nextval('mz_sim.cluster_seq');
    c.name := cluster;
    c.owner := mz_sim.role_oid();
    c.managed := NOT spec ? 'replicas';
    c.disk := true;
    c.schedule := coalesce(spec->>'schedule', 'manual');
    c.introspection_debugging := coalesce((spec->>'introspection_debugging')::bool, false);
    c.introspection_interval := coalesce((spec->>'introspection_interval')::interval, '1s');
    c.workload_class := spec->>'workload_class';
    PERFORM mz_sim.check_features(spec);
    IF c.managed THEN
        c.size := spec->>'size';
        c.replication_factor := coalesce((spec->>'replication_factor')::int8, 1);
        c.auto_scaling := mz_sim.scaling(spec->'auto_scaling_strategy');
        PERFORM mz_sim.check_size(c.size);
        PERFORM mz_sim.check_auto_scaling(c);
        IF spec ? 'availability_zones' AND spec->'availability_zones' <> '[]' THEN
            PERFORM mz_sim.fail(format('unknown cluster replica availability zone %s', spec->'availability_zones'->>0), '0A000',
                'No availability zones configured; do not specify AVAILABILITY ZONE');
        END IF;
        c.availability_zones := '{}';
        PERFORM mz_sim.check_room(c.id, c.size, c.replication_factor::int);
    END IF;
    INSERT INTO mz_sim.clusters SELECT c.*;
    PERFORM mz_sim.audit('create', 'cluster', jsonb_build_object('id', c.id, 'name', c.name));
    IF c.managed THEN
        PERFORM mz_sim.add_managed_replicas(c, c.size, c.replication_factor::int, 'manual');
        RETURN;
    END IF;
    IF jsonb_array_length(spec->'replicas') > mz_sim.knob('max_replicas_per_cluster')::int THEN
        PERFORM mz_sim.check_limit('cluster replica', 'max_replicas_per_cluster', jsonb_array_length(spec->'replicas'), 0);
    END IF;
    FOR replica IN SELECT r FROM jsonb_array_elements(spec->'replicas') r LOOP
        PERFORM mz_sim.check_size(replica->>'size');
        PERFORM mz_sim.check_room(c.id, replica->>'size', 1);
        PERFORM mz_sim.add_replica(c, replica, 'manual');
    END LOOP;
END $$;

CREATE PROCEDURE mz_sim.create_replica(cluster text, spec jsonb)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    c mz_sim.clusters;
    internal bool := coalesce((spec->>'internal')::bool, false);
BEGIN
    PERFORM mz_sim.begin_ddl();
    c := mz_sim.find_cluster(cluster);
    PERFORM mz_sim.check_unmanaged(c);
    PERFORM mz_sim.check_owner('CLUSTER', c.name, c.id, c.owner);
    IF EXISTS (SELECT FROM mz_sim.replicas r WHERE r.cluster_id = c.id AND r.name = spec->>'name') THEN
        IF (spec->>'if_not_exists')::bool THEN
            RAISE NOTICE USING ERRCODE = '42710',
                MESSAGE = format('cluster replica "%s.%s" already exists, skipping', cluster, spec->>'name');
            RETURN;
        END IF;
        PERFORM mz_sim.fail(format('cannot create multiple replicas named ''%s'' on cluster ''%s''', spec->>'name', cluster));
    END IF;
    PERFORM mz_sim.check_size(spec->>'size');
    PERFORM mz_sim.check_room(c.id, spec->>'size', 1);
    PERFORM mz_sim.add_replica(c, spec, 'manual');
    PERFORM mz_sim.warn_of_single_replica_sources(c.id);
END $$;

-- drop_replicas drops all or none; targets is a list of {cluster, replica}.
CREATE PROCEDURE mz_sim.drop_replicas(targets jsonb, if_exists bool)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    target jsonb;
    c mz_sim.clusters;
    r mz_sim.replicas;
BEGIN
    PERFORM mz_sim.begin_ddl();
    FOR target IN SELECT t FROM jsonb_array_elements(targets) t LOOP
        SELECT * INTO c FROM mz_sim.clusters WHERE name = target->>'cluster';
        SELECT * INTO r FROM mz_sim.replicas WHERE cluster_id = c.id AND name = target->>'replica';
        IF r.id IS NULL AND if_exists THEN
            PERFORM mz_sim.skip('cluster replica', (target->>'cluster') || '.' || (target->>'replica'));
            CONTINUE;
        END IF;
        r := mz_sim.find_replica(target->>'cluster', target->>'replica');
        PERFORM mz_sim.check_owner('CLUSTER REPLICA', c.name || '.' || r.name, c.id, r.owner);
        IF c.managed AND NOT r.internal THEN
            PERFORM mz_sim.fail('cannot drop replica of managed cluster');
        END IF;
        PERFORM mz_sim.remove_replica(r, c.name, 'manual');
    END LOOP;
END $$;

CREATE PROCEDURE mz_sim.drop_clusters(names text[], if_exists bool, cascade bool)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    cluster text;
    c mz_sim.clusters;
    r mz_sim.replicas;
    gone text[] := '{}';
BEGIN
    PERFORM mz_sim.begin_ddl();
    FOREACH cluster IN ARRAY names LOOP
        IF if_exists AND NOT EXISTS (SELECT FROM mz_sim.clusters WHERE name = cluster) THEN
            PERFORM mz_sim.skip('cluster', cluster);
            CONTINUE;
        END IF;
        c := mz_sim.find_cluster(cluster);
        PERFORM mz_sim.check_owner('CLUSTER', c.name, c.id, c.owner);
        IF NOT cascade AND EXISTS (SELECT FROM mz_sim.objects o WHERE o.cluster_id = c.id) THEN
            PERFORM mz_sim.fail(format('cannot drop cluster "%s" because other objects depend on it', cluster),
                'XX000', 'Use DROP ... CASCADE to drop the dependent objects too.');
        END IF;
        gone := gone || mz_sim.dependents(c.id)
                     || ARRAY(SELECT format('CLUSTER REPLICA "%s"', x.name) FROM mz_sim.replicas x WHERE x.cluster_id = c.id ORDER BY x.name);
        CALL mz_sim.drop_objects_of(c.id);
        FOR r IN SELECT * FROM mz_sim.replicas WHERE cluster_id = c.id ORDER BY name LOOP
            PERFORM mz_sim.remove_replica(r, c.name, 'manual');
        END LOOP;
        DELETE FROM mz_sim.clusters WHERE id = c.id;
        DELETE FROM mz_sim.comments WHERE id = c.id AND object_type = 'cluster';
        PERFORM mz_sim.audit('drop', 'cluster', jsonb_build_object('id', c.id, 'name', c.name));
    END LOOP;
    PERFORM mz_sim.tell_cascade(gone);
    IF current_setting('mz_sim.cluster', true) = ANY (names)
       AND NOT EXISTS (SELECT FROM mz_sim.clusters WHERE name = current_setting('mz_sim.cluster', true)) THEN
        RAISE NOTICE USING ERRCODE = 'MZ003', MESSAGE = format('active cluster "%s" has been dropped', current_setting('mz_sim.cluster', true));
    END IF;
END $$;

-- rename_cluster, swap_clusters, own_cluster: the other forms of ALTER CLUSTER.
CREATE PROCEDURE mz_sim.rename_cluster(cluster text, new_name text, if_exists bool)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE c mz_sim.clusters;
BEGIN
    PERFORM mz_sim.begin_ddl();
    IF if_exists AND NOT EXISTS (SELECT FROM mz_sim.clusters WHERE name = cluster) THEN
        PERFORM mz_sim.skip('cluster', cluster);
        RETURN;
    END IF;
    c := mz_sim.find_cluster(cluster);
    PERFORM mz_sim.check_owner('CLUSTER', c.name, c.id, c.owner);
    PERFORM mz_sim.check_new_name(new_name, 'uniqueness violation');
    UPDATE mz_sim.clusters SET name = new_name WHERE id = c.id;
    PERFORM mz_sim.audit('alter', 'cluster', jsonb_build_object('id', c.id, 'old_name', cluster, 'new_name', new_name));
END $$;

CREATE PROCEDURE mz_sim.swap_clusters(cluster text, other text, if_exists bool)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    a mz_sim.clusters;
    b mz_sim.clusters;
BEGIN
    PERFORM mz_sim.begin_ddl();
    IF if_exists AND NOT EXISTS (SELECT FROM mz_sim.clusters WHERE name = cluster) THEN
        PERFORM mz_sim.skip('cluster', cluster);
        RETURN;
    END IF;
    a := mz_sim.find_cluster(cluster);
    b := mz_sim.find_cluster(other);
    PERFORM mz_sim.check_owner('CLUSTER', a.name, a.id, a.owner);
    PERFORM mz_sim.check_owner('CLUSTER', b.name, b.id, b.owner);
    UPDATE mz_sim.clusters SET name = gen_random_uuid()::text WHERE id = a.id;
    UPDATE mz_sim.clusters SET name = a.name WHERE id = b.id;
    UPDATE mz_sim.clusters SET name = b.name WHERE id = a.id;
    PERFORM mz_sim.audit('alter', 'cluster', jsonb_build_object('id', a.id, 'old_name', a.name, 'new_name', b.name));
    PERFORM mz_sim.audit('alter', 'cluster', jsonb_build_object('id', b.id, 'old_name', b.name, 'new_name', a.name));
END $$;

CREATE PROCEDURE mz_sim.own_cluster(cluster text, role text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE c mz_sim.clusters;
BEGIN
    PERFORM mz_sim.begin_ddl();
    c := mz_sim.find_cluster(cluster);
    PERFORM mz_sim.check_owner('CLUSTER', c.name, c.id, c.owner);
    IF NOT mz_sim.unchecked(session_user) AND NOT pg_has_role(session_user, mz_sim.find_role(role), 'USAGE') THEN
        PERFORM mz_sim.fail(format('must be a member of "%s"', role), '42501');
    END IF;
    UPDATE mz_sim.clusters SET owner = mz_sim.find_role(role) WHERE id = c.id;
    UPDATE mz_sim.replicas SET owner = mz_sim.find_role(role) WHERE cluster_id = c.id AND owner = c.owner;
    PERFORM mz_sim.audit('alter', 'cluster', jsonb_build_object('object_id', c.id, 'new_owner_id', mz_sim.role_id(mz_sim.find_role(role))));
END $$;

CREATE PROCEDURE mz_sim.alter_replica(cluster text, replica text, spec jsonb, if_exists bool)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    c mz_sim.clusters;
    r mz_sim.replicas;
BEGIN
    PERFORM mz_sim.begin_ddl();
    IF if_exists AND NOT EXISTS (SELECT FROM mz_sim.replicas x JOIN mz_sim.clusters y ON y.id = x.cluster_id
                                 WHERE y.name = cluster AND x.name = replica) THEN
        PERFORM mz_sim.skip('cluster replica', cluster || '.' || replica);
        RETURN;
    END IF;
    c := mz_sim.find_cluster(cluster);
    r := mz_sim.find_replica(cluster, replica);
    PERFORM mz_sim.check_unmanaged(c);
    PERFORM mz_sim.check_owner('CLUSTER REPLICA', c.name || '.' || r.name, c.id, r.owner);
    IF EXISTS (SELECT FROM mz_sim.replicas x WHERE x.cluster_id = c.id AND x.name = spec->>'name') THEN
        PERFORM mz_sim.fail('uniqueness violation');
    ELSIF mz_sim.reserved(spec->>'name') THEN
        PERFORM mz_sim.fail(format('replica name "%s" is reserved', spec->>'name'));
    END IF;
    UPDATE mz_sim.replicas SET name = spec->>'name' WHERE id = r.id;
    INSERT INTO mz_sim.replica_renames VALUES (now(), r.id, r.name, spec->>'name');
    PERFORM mz_sim.audit('alter', 'cluster-replica', jsonb_build_object(
        'cluster_id', c.id, 'replica_id', r.id, 'old_name', r.name, 'new_name', spec->>'name'));
END $$;

-- comment_on stores, or with NULL removes, the comment of a cluster or, with a replica given, of a replica.
CREATE PROCEDURE mz_sim.comment_on(cluster text, replica text, comment text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    c mz_sim.clusters;
    r mz_sim.replicas;
    kind text := 'cluster';
    target text;
    most int := 1024;
BEGIN
    PERFORM mz_sim.begin_ddl();
    c := mz_sim.find_cluster(cluster);
    target := c.id;
    IF replica IS NULL THEN
        PERFORM mz_sim.check_owner('CLUSTER', c.name, c.id, c.owner);
    ELSE
        r := mz_sim.find_replica(cluster, replica);
        PERFORM mz_sim.check_owner('CLUSTER REPLICA', c.name || '.' || r.name, c.id, r.owner);
        kind := 'cluster-replica';
        target := r.id;
    END IF;
    IF octet_length(comment) > most THEN
        PERFORM mz_sim.fail(format('provided comment was %s bytes long, max size is %s bytes', octet_length(comment), most));
    END IF;
    DELETE FROM mz_sim.comments x WHERE x.id = target AND x.object_type = kind;
    IF comment IS NOT NULL THEN
        INSERT INTO mz_sim.comments VALUES (target, kind, NULL, comment);
    END IF;
END $$;

-- alter_system sets the knob that stands for a system variable; NULL means its default.
CREATE PROCEDURE mz_sim.alter_system(knob text, value text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) THEN
        PERFORM mz_sim.fail('permission denied to alter system', '42501');
    END IF;
    PERFORM mz_sim.set(knob, coalesce(value, (SELECT k.initial FROM mz_sim.knobs k WHERE k.name = knob)));
END $$;
