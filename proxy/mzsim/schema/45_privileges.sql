-- Privileges on clusters and on the system, which PostgreSQL has no place for.

CREATE TABLE mz_sim.grants (
    cluster_id text REFERENCES mz_sim.clusters ON DELETE CASCADE, -- NULL: the system
    grantee oid NOT NULL, -- 0: PUBLIC
    privilege text NOT NULL
);
CREATE UNIQUE INDEX ON mz_sim.grants (coalesce(cluster_id, ''), grantee, privilege);

-- unchecked tells whether nothing is refused to a role.
CREATE FUNCTION mz_sim.unchecked(role name) RETURNS bool
    LANGUAGE sql STABLE AS $$
    SELECT NOT mz_sim.knob('rbac')::bool OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = role
$$;

CREATE FUNCTION mz_sim.granted(role name, cluster text, wanted text) RETURNS bool
    LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM mz_sim.grants g WHERE g.cluster_id IS NOT DISTINCT FROM cluster AND g.privilege = wanted
                   AND CASE WHEN g.grantee = 0 THEN true
                            WHEN EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = g.grantee) THEN pg_has_role(role, g.grantee, 'USAGE') END)
$$;

-- may_use tells whether a role may run queries on a cluster.
CREATE FUNCTION mz_sim.may_use(role name, c mz_sim.clusters) RETURNS bool
    LANGUAGE sql STABLE
    AS $$ SELECT mz_sim.unchecked(role) OR pg_has_role(role, c.owner, 'USAGE') OR mz_sim.granted(role, c.id, 'USAGE') $$;

CREATE FUNCTION mz_sim.check_create_cluster() RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF NOT mz_sim.unchecked(session_user) AND NOT mz_sim.granted(session_user, NULL, 'CREATECLUSTER') THEN
        RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = 'permission denied for SYSTEM',
            DETAIL = format('The ''%s'' role needs CREATECLUSTER privileges on SYSTEM', session_user);
    END IF;
END $$;

-- change_privileges grants or revokes; no clusters means the system.
CREATE PROCEDURE mz_sim.change_privileges(giving bool, wanted text[], cluster_names text[], roles text[])
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    target text;
    role text;
    c mz_sim.clusters;
    grantee_oid oid;
BEGIN
    PERFORM mz_sim.begin_ddl();
    IF cluster_names IS NULL AND NOT mz_sim.unchecked(session_user) THEN
        RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = 'permission denied to GRANT/REVOKE SYSTEM PRIVILEGES',
            DETAIL = 'You must be a superuser to GRANT/REVOKE SYSTEM PRIVILEGES';
    END IF;
    FOREACH target IN ARRAY coalesce(cluster_names, ARRAY[NULL]) LOOP
        IF target IS NOT NULL THEN
            c := mz_sim.find_cluster(target);
            PERFORM mz_sim.check_owner('CLUSTER', c.name, c.id, c.owner);
        END IF;
        FOREACH role IN ARRAY roles LOOP
            grantee_oid := CASE WHEN role = 'public' THEN 0 ELSE mz_sim.find_role(role) END;
            DELETE FROM mz_sim.grants g
                WHERE g.cluster_id IS NOT DISTINCT FROM c.id AND g.grantee = grantee_oid AND g.privilege = ANY (wanted);
            IF giving THEN
                INSERT INTO mz_sim.grants SELECT c.id, grantee_oid, unnest(wanted);
            END IF;
        END LOOP;
    END LOOP;
END $$;

-- drop_roles drops roles that own no cluster.
CREATE PROCEDURE mz_sim.drop_roles(names text[], if_exists bool)
    LANGUAGE plpgsql AS $$
DECLARE
    role text;
    owned text;
BEGIN
    FOREACH role IN ARRAY names LOOP
        SELECT string_agg(format('owner of cluster "%s"', c.name), E'\n' ORDER BY c.name) INTO owned
            FROM mz_sim.clusters c JOIN pg_roles r ON r.oid = c.owner WHERE r.rolname = role;
        IF owned IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = '2BP01', MESSAGE = format('role "%s" cannot be dropped because some objects depend on it', role), DETAIL = owned;
        END IF;
        IF if_exists AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            PERFORM mz_sim.skip('role', role);
            CONTINUE;
        END IF;
        EXECUTE format('DROP ROLE %I', role);
    END LOOP;
    PERFORM mz_sim.forget_grants();
END $$;

-- forget_grants forgets what was granted to roles that are gone.
CREATE FUNCTION mz_sim.forget_grants() RETURNS void
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
    DELETE FROM mz_sim.grants WHERE grantee <> 0 AND grantee NOT IN (SELECT oid FROM pg_roles);
    DELETE FROM mz_sim.default_privileges WHERE grantee <> 0 AND grantee NOT IN (SELECT oid FROM pg_roles)
                                             OR owner <> 0 AND owner NOT IN (SELECT oid FROM pg_roles);
$$;

-- role_id: roles of the system are s<n>, those of users u<oid>, the first user is u1.
CREATE FUNCTION mz_sim.role_id(role oid) RETURNS text
    LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN rolname = 'mz_system' THEN 's1' WHEN rolname LIKE 'mz\_%' THEN 'g' || oid
                WHEN rolname = 'materialize' THEN 'u1' ELSE 'u' || oid END
    FROM pg_catalog.pg_roles WHERE oid = role
$$;

CREATE FUNCTION mz_sim.owner_acl(role oid, rights text) RETURNS text[]
    LANGUAGE sql STABLE AS $$ SELECT ARRAY[format('%s=%s/%1$s', mz_sim.role_id(role), rights)] $$;

-- relation_acl renders the privileges on a relation that PostgreSQL knows, those of others are their owner's.
CREATE FUNCTION mz_sim.relation_acl(relation oid, owner oid, rights text) RETURNS text[]
    LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT array_agg(format('%s=%s/%s', CASE WHEN x.grantee <> 0 THEN mz_sim.role_id(x.grantee) END, x.letters, mz_sim.role_id(x.grantor)) ORDER BY x.grantee <> owner, x.grantee)
                     FROM (SELECT a.grantee, a.grantor, string_agg(p.letter, '' ORDER BY p.n) AS letters
                           FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
                           JOIN (VALUES (1, 'a', 'INSERT'), (2, 'r', 'SELECT'), (3, 'w', 'UPDATE'), (4, 'd', 'DELETE')) p (n, letter, name) ON p.name = a.privilege_type
                           WHERE c.oid = relation AND strpos(rights, p.letter) > 0 GROUP BY a.grantee, a.grantor) x),
                    mz_sim.owner_acl(owner, rights))
$$;

-- cluster_acl renders the privileges on a cluster.
CREATE FUNCTION mz_sim.cluster_acl(c mz_sim.clusters) RETURNS text[]
    LANGUAGE sql STABLE AS $$
    SELECT mz_sim.owner_acl(c.owner, 'UC') || ARRAY(
        SELECT format('%s=%s/%s', CASE WHEN g.grantee <> 0 THEN mz_sim.role_id(g.grantee) END,
                      string_agg(CASE g.privilege WHEN 'USAGE' THEN 'U' ELSE 'C' END, '' ORDER BY g.privilege DESC), mz_sim.role_id(c.owner))
        FROM mz_sim.grants g WHERE g.cluster_id = c.id GROUP BY g.grantee ORDER BY g.grantee)
$$;

-- create_role makes a role that logs in for the first time.
CREATE PROCEDURE mz_sim.create_role(role name)
    LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role) THEN
        EXECUTE format('CREATE ROLE %I LOGIN', role);
    END IF;
EXCEPTION WHEN duplicate_object THEN -- by another session of it
    NULL;
END $$;
REVOKE EXECUTE ON PROCEDURE mz_sim.create_role(name) FROM PUBLIC;

-- alter_role sets a variable for the sessions of a role; NULL takes it back. A role may do so for itself.
CREATE PROCEDURE mz_sim.alter_role(role name, variable text, value text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
        PERFORM mz_sim.fail(format('unknown role ''%s''', role));
    ELSIF role <> session_user AND NOT mz_sim.unchecked(session_user) AND NOT (SELECT rolcreaterole FROM pg_roles WHERE rolname = session_user) THEN
        RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = 'permission denied for SYSTEM',
            DETAIL = format('The ''%s'' role needs CREATEROLE privileges on SYSTEM', session_user);
    END IF;
    IF value IS NULL THEN
        EXECUTE format('ALTER ROLE %I RESET %s', role, variable);
    ELSE
        EXECUTE format('ALTER ROLE %I SET %s = %L', role, variable, value);
    END IF;
    RAISE NOTICE USING ERRCODE = '00000', MESSAGE = format('variable "%s" was updated for "%s", this will have no effect on the current session',
        replace(variable, 'mz_sim.', ''), role);
END $$;
