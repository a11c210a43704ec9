-- Objects of users: PostgreSQL's own ones register themselves by event
-- triggers; indexes, sources and sinks are made by procedures.

-- registered_cluster is the cluster that objects which compute go to: that of
-- the statement (IN CLUSTER), else that of the session.
CREATE FUNCTION mz_sim.registered_cluster() RETURNS text
    LANGUAGE sql STABLE AS $$
    SELECT (mz_sim.find_cluster(coalesce(nullif(current_setting('mz_sim.in_cluster', true), ''),
                                         nullif(current_setting('mz_sim.cluster', true), ''), 'quickstart'))).id
$$;

CREATE FUNCTION mz_sim.is_system_schema(name text) RETURNS bool
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT name IN ('mz_sim', 'mz_catalog', 'mz_internal', 'mz_introspection', 'information_schema') OR name LIKE 'pg\_%' $$;

CREATE FUNCTION mz_sim.register_created() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    d record;
    kind text := coalesce(nullif(current_setting('mz_sim.creating', true), ''), '');
    subkind text := nullif(current_setting('mz_sim.subtype', true), '');
    made_from text := nullif(current_setting('mz_sim.from_object', true), '');
BEGIN
    FOR d IN SELECT e.objid, e.object_type, e.schema_name, e.object_identity
             FROM pg_event_trigger_ddl_commands() e
             WHERE e.classid = 'pg_class'::regclass AND e.object_type IN ('table', 'view') AND NOT mz_sim.is_system_schema(e.schema_name)
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM mz_sim.objects o WHERE o.oid = d.objid);
        INSERT INTO mz_sim.objects (id, oid, type, subtype, on_id, connection_id, cluster_id, owner, definition, create_sql, created_at)
        VALUES ('u' || nextval('mz_sim.object_seq'), d.objid, CASE WHEN kind = '' THEN d.object_type ELSE kind END, subkind,
                CASE WHEN kind = 'table' THEN made_from END, CASE WHEN kind = 'source' THEN made_from END,
                CASE WHEN kind IN ('materialized-view', 'source') THEN mz_sim.registered_cluster() END, mz_sim.role_oid(),
                CASE WHEN d.object_type = 'view' THEN pg_get_viewdef(d.objid) END,
                nullif(current_setting('mz_sim.create_sql', true), ''), now());
        IF kind = '' AND d.object_type = 'table' THEN
            PERFORM mz_sim.guard_table(d.objid);
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION mz_sim.register_dropped() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE gone text[];
BEGIN
    SELECT array_agg(o.id) INTO gone FROM pg_event_trigger_dropped_objects() e
        JOIN mz_sim.objects o ON o.oid = e.objid WHERE e.classid = 'pg_class'::regclass AND e.objsubid = 0;
    DELETE FROM mz_sim.objects WHERE id = ANY (gone) OR on_id = ANY (gone);
END $$;

CREATE EVENT TRIGGER mz_sim_created ON ddl_command_end EXECUTE FUNCTION mz_sim.register_created();
CREATE EVENT TRIGGER mz_sim_dropped ON sql_drop EXECUTE FUNCTION mz_sim.register_dropped();

CREATE VIEW mz_sim.named_objects AS
    SELECT o.id, coalesce(o.oid, (200000 + substr(o.id, 2)::int8)::oid) AS oid, coalesce(c.relnamespace, o.schema) AS schema,
           coalesce(c.relname::text, o.name) AS name, o.type, o.subtype, o.on_id, o.connection_id, o.cluster_id, o.runs, coalesce(c.relowner, o.owner) AS owner,
           o.definition, o.create_sql, o.created_at, o.oid IS NULL AS registered_only
    FROM mz_sim.objects o LEFT JOIN pg_catalog.pg_class c ON c.oid = o.oid;

-- find_object finds what a name of a user's object means on the search path.
CREATE FUNCTION mz_sim.find_object(given text) RETURNS mz_sim.objects
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    o mz_sim.objects;
    parts text[] := parse_ident(given);
BEGIN
    SELECT x.* INTO o FROM mz_sim.objects x WHERE x.oid = to_regclass(given);
    IF o.id IS NULL THEN
        SELECT x.* INTO o FROM mz_sim.objects x JOIN pg_namespace n ON n.oid = x.schema
        WHERE x.oid IS NULL AND x.name = parts[cardinality(parts)]
          AND CASE WHEN cardinality(parts) > 1 THEN n.nspname = parts[cardinality(parts) - 1]
                   ELSE n.nspname = ANY (current_schemas(false)) END;
    END IF;
    IF o.id IS NULL THEN
        PERFORM mz_sim.fail(format('unknown catalog item ''%s''', array_to_string(parts, '.')));
    END IF;
    RETURN o;
END $$;

-- create_object runs the CREATE statement that PostgreSQL understands, as the user, and has what it makes registered as
-- kind, on a cluster, and as made from another object, such as a connection.
CREATE PROCEDURE mz_sim.create_object(kind text, subtype text, object text, from_object text, cluster text, if_not_exists bool, statement text, create_sql text)
    LANGUAGE plpgsql AS $$
DECLARE made_from mz_sim.objects;
BEGIN
    IF if_not_exists AND to_regclass(object) IS NOT NULL THEN
        RAISE NOTICE USING ERRCODE = '42710', MESSAGE = format('%s %s already exists, skipping', replace(kind, '-', ' '), object);
        RETURN;
    END IF;
    IF from_object IS NOT NULL THEN
        made_from := mz_sim.find_object(from_object);
        PERFORM mz_sim.check_made_from(kind, subtype, made_from);
    END IF;
    PERFORM set_config('mz_sim.creating', kind, true), set_config('mz_sim.subtype', coalesce(subtype, ''), true),
            set_config('mz_sim.from_object', coalesce(made_from.id, ''), true),
            set_config('mz_sim.in_cluster', coalesce(cluster, ''), true), set_config('mz_sim.create_sql', create_sql, true);
    IF kind IN ('materialized-view', 'source') THEN
        PERFORM mz_sim.registered_cluster();
    END IF;
    EXECUTE statement;
    IF kind = 'source' THEN
        PERFORM mz_sim.warn_of_single_replica_sources((SELECT o.cluster_id FROM mz_sim.objects o WHERE o.oid = to_regclass(object) AND o.runs = 'one'));
    END IF;
    PERFORM set_config('mz_sim.creating', '', true), set_config('mz_sim.subtype', '', true), set_config('mz_sim.from_object', '', true),
            set_config('mz_sim.in_cluster', '', true), set_config('mz_sim.create_sql', '', true);
END $$;

-- check_made_from refuses a source or sink on a connection of another kind, and a table of what is no source.
CREATE FUNCTION mz_sim.check_made_from(kind text, subtype text, made_from mz_sim.objects) RETURNS void
    LANGUAGE plpgsql STABLE AS $$
DECLARE name text := (SELECT format('%s.%s.%s', current_database(), n.nspname, o.name)
                      FROM mz_sim.named_objects o JOIN pg_namespace n ON n.oid = o.schema WHERE o.id = made_from.id);
BEGIN
    IF kind = 'table' THEN
        IF made_from.type <> 'source' OR made_from.runs IS NULL THEN
            PERFORM mz_sim.fail('item is not a source');
        END IF;
    ELSIF made_from.type <> 'connection' OR made_from.subtype <> subtype THEN
        PERFORM mz_sim.fail(format('%s is not a %s CONNECTION', name, upper(replace(subtype, '-', ' '))));
    END IF;
END $$;

-- register_item adds an object that is neither on a relation nor on a cluster: a connection or a secret.
CREATE PROCEDURE mz_sim.register_item(kind text, subtype text, object text, if_not_exists bool, create_sql text)
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    parts text[] := parse_ident(object);
    wanted text := parts[cardinality(parts)];
    space oid := to_regnamespace(quote_ident(CASE WHEN cardinality(parts) > 1 THEN parts[cardinality(parts) - 1] ELSE current_schema() END));
BEGIN
    PERFORM mz_sim.begin_ddl();
    IF space IS NULL THEN
        PERFORM mz_sim.fail(format('unknown schema ''%s''', parts[cardinality(parts) - 1]));
    ELSIF EXISTS (SELECT FROM mz_sim.named_objects x WHERE x.schema = space AND x.name = wanted) THEN
        IF if_not_exists THEN
            RAISE NOTICE USING ERRCODE = '42710', MESSAGE = format('%s "%s" already exists, skipping', kind, wanted);
            RETURN;
        END IF;
        PERFORM mz_sim.fail(format('%s "%s.%s.%s" already exists', kind, current_database(), space::regnamespace, wanted));
    END IF;
    INSERT INTO mz_sim.objects (id, name, schema, type, subtype, owner, create_sql, created_at)
    VALUES ('u' || nextval('mz_sim.object_seq'), wanted, space, kind, subtype, mz_sim.role_oid(), create_sql, now());
END $$;

-- register adds an object that only the catalog knows: an index or a sink.
CREATE PROCEDURE mz_sim.register(kind text, subtype text, object text, suffix text, relation text, connection text, cluster text, if_not_exists bool, create_sql text)
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    o mz_sim.objects := mz_sim.find_object(relation);
    made_from mz_sim.objects;
    space oid := coalesce((SELECT relnamespace FROM pg_class c WHERE c.oid = o.oid), o.schema);
    base text := coalesce((SELECT relname::text FROM pg_class c WHERE c.oid = o.oid), o.name);
    wanted text := coalesce(object, base || suffix);
    n int := 0;
BEGIN
    PERFORM mz_sim.begin_ddl();
    PERFORM set_config('mz_sim.in_cluster', coalesce(cluster, ''), true);
    IF (SELECT c.owner IS NOT NULL AND mz_sim.knob('rbac')::bool AND NOT pg_has_role(session_user, c.relowner, 'MEMBER')
        FROM (SELECT relowner, relowner AS owner FROM pg_class WHERE oid = o.oid) c) THEN
        PERFORM mz_sim.fail(format('must be owner of %s %s', upper(replace(o.type, '-', ' ')), base), '42501');
    END IF;
    WHILE EXISTS (SELECT FROM mz_sim.named_objects x WHERE x.schema = space AND x.name = wanted || CASE WHEN n > 0 THEN n::text ELSE '' END) LOOP
        IF object IS NOT NULL AND if_not_exists THEN
            RAISE NOTICE USING ERRCODE = '42P07', MESSAGE = format('%s "%s" already exists, skipping', kind, object);
            RETURN;
        ELSIF object IS NOT NULL THEN
            PERFORM mz_sim.fail(format('%s "%s.%s.%s" already exists', kind, current_database(),
                (SELECT nspname FROM pg_namespace WHERE oid = space), object));
        END IF;
        n := n + 1;
    END LOOP;
    IF connection IS NOT NULL THEN
        made_from := mz_sim.find_object(connection);
        PERFORM mz_sim.check_made_from(kind, subtype, made_from);
    END IF;
    INSERT INTO mz_sim.objects (id, name, schema, type, subtype, on_id, connection_id, cluster_id, owner, create_sql, created_at)
    VALUES ('u' || nextval('mz_sim.object_seq'), wanted || CASE WHEN n > 0 THEN n::text ELSE '' END, space, kind, subtype, o.id, made_from.id,
            mz_sim.registered_cluster(), mz_sim.role_oid(), create_sql, now());
    PERFORM set_config('mz_sim.in_cluster', '', true);
END $$;

-- dependents names what is dropped together with a cluster, as messages do.
CREATE FUNCTION mz_sim.dependents(cluster text) RETURNS text[]
    LANGUAGE sql STABLE AS $$
    SELECT ARRAY(SELECT format('%s "%s.%s.%s"', upper(replace(o.type, '-', ' ')), current_database(), n.nspname, o.name)
                 FROM mz_sim.named_objects o JOIN pg_catalog.pg_namespace n ON n.oid = o.schema
                 WHERE o.cluster_id = cluster ORDER BY length(o.id), o.id)
$$;

-- tell_cascade tells of what was dropped without having been named.
CREATE FUNCTION mz_sim.tell_cascade(gone text[]) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(gone) > 0 THEN
        RAISE NOTICE USING ERRCODE = '00000', MESSAGE = format('drop cascades to %s other objects', cardinality(gone)),
            DETAIL = (SELECT string_agg('drop cascades to ' || x, E'\n') FROM unnest(gone) x);
    END IF;
END $$;

-- drop_objects drops objects of one kind; PostgreSQL drops those that it knows.
CREATE PROCEDURE mz_sim.drop_objects(kind text, names text[], if_exists bool, cascade bool)
    LANGUAGE plpgsql AS $$
DECLARE
    given text;
    o mz_sim.objects;
BEGIN
    FOREACH given IN ARRAY names LOOP
        BEGIN
            o := mz_sim.find_object(given);
        EXCEPTION WHEN internal_error THEN
            IF NOT if_exists THEN RAISE; END IF;
            PERFORM mz_sim.skip(kind, array_to_string(parse_ident(given), '.'));
            CONTINUE;
        END;
        IF o.type <> kind THEN
            PERFORM mz_sim.fail(format('%s is not a %s', given, replace(kind, '-', ' ')));
        END IF;
        CALL mz_sim.drop_object(o.id, cascade);
    END LOOP;
END $$;

CREATE PROCEDURE mz_sim.drop_object(object_id text, cascade bool)
    LANGUAGE plpgsql AS $$
DECLARE
    o mz_sim.objects;
    dependent record;
BEGIN
    SELECT x.* INTO o FROM mz_sim.objects x WHERE x.id = object_id;
    FOR dependent IN SELECT * FROM mz_sim.named_objects x WHERE x.connection_id = object_id OR x.on_id = object_id AND x.type <> 'index' ORDER BY length(x.id), x.id LOOP
        IF NOT cascade THEN
            PERFORM mz_sim.fail(format('cannot drop %s "%s": still depended upon by %s "%s"', replace(o.type, '-', ' '),
                (SELECT x.name FROM mz_sim.named_objects x WHERE x.id = object_id), dependent.type, dependent.name),
                'XX000', 'Use DROP ... CASCADE to drop the dependent objects too.');
        END IF;
        CALL mz_sim.drop_object(dependent.id, true);
    END LOOP;
    IF o.oid IS NULL THEN
        CALL mz_sim.unregister(object_id);
        RETURN;
    END IF;
    EXECUTE format('DROP %s %s %s', CASE (SELECT relkind FROM pg_class WHERE oid = o.oid) WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
        o.oid::regclass, CASE WHEN cascade THEN 'CASCADE' ELSE '' END);
END $$;

CREATE PROCEDURE mz_sim.unregister(object_id text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE o mz_sim.objects;
BEGIN
    SELECT x.* INTO o FROM mz_sim.objects x WHERE x.id = object_id AND x.oid IS NULL;
    IF mz_sim.knob('rbac')::bool AND NOT pg_has_role(session_user, o.owner, 'MEMBER') THEN
        PERFORM mz_sim.fail(format('must be owner of %s %s', upper(o.type), o.name), '42501');
    END IF;
    DELETE FROM mz_sim.objects WHERE id = object_id AND oid IS NULL;
END $$;

-- drop_objects_of empties a cluster for DROP CLUSTER ... CASCADE.
CREATE PROCEDURE mz_sim.drop_objects_of(cluster text)
    LANGUAGE plpgsql AS $$
DECLARE object_id text;
BEGIN
    FOR object_id IN SELECT id FROM mz_sim.objects WHERE cluster_id = cluster ORDER BY oid NULLS FIRST LOOP
        IF EXISTS (SELECT FROM mz_sim.objects WHERE id = object_id) THEN
            CALL mz_sim.drop_object(object_id, true);
        END IF;
    END LOOP;
END $$;

-- A statement that has to wait for COMMIT is stored here; the deferred trigger runs it then.
CREATE TABLE mz_sim.deferred (statement text NOT NULL);
CREATE FUNCTION mz_sim.run_deferred() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE NEW.statement;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER run AFTER INSERT ON mz_sim.deferred
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mz_sim.run_deferred();
GRANT INSERT ON mz_sim.deferred TO PUBLIC;

-- swap_schemas has two schemas change names; the objects stay where they are.
CREATE PROCEDURE mz_sim.swap_schemas(space text, other text)
    LANGUAGE plpgsql AS $$
DECLARE
    name text;
    parked text := gen_random_uuid()::text;
BEGIN
    FOREACH name IN ARRAY ARRAY[space, other] LOOP
        IF to_regnamespace(quote_ident(name)) IS NULL THEN
            PERFORM mz_sim.fail(format('unknown schema ''%s''', name));
        END IF;
    END LOOP;
    EXECUTE format('ALTER SCHEMA %I RENAME TO %I', space, parked);
    EXECUTE format('ALTER SCHEMA %I RENAME TO %I', other, space);
    EXECUTE format('ALTER SCHEMA %I RENAME TO %I', parked, other);
END $$;
