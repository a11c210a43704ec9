-- Default privileges: what roles get on objects that somebody is going to make.

CREATE TABLE mz_sim.default_privileges (
    owner oid NOT NULL, -- who makes the objects; 0: anybody
    schema oid, -- NULL: anywhere
    in_database bool NOT NULL,
    object_type text NOT NULL,
    grantee oid NOT NULL, -- 0: PUBLIC
    privilege text NOT NULL
);
CREATE UNIQUE INDEX ON mz_sim.default_privileges (owner, coalesce(schema, 0), in_database, object_type, grantee, privilege);

-- alter_default_privileges grants or revokes. PostgreSQL has its own for tables of a certain role, which are changed, too; those on
-- clusters are the stand-in's.
CREATE PROCEDURE mz_sim.alter_default_privileges(giving bool, owners text[], schemas text[], in_database bool, kind text, wanted text[], grantees text[])
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    maker text;
    space text;
    getter text;
    owner_oid oid;
    grantee_oid oid;
BEGIN
    PERFORM mz_sim.begin_ddl();
    FOREACH maker IN ARRAY coalesce(owners, ARRAY[NULL]) LOOP
        owner_oid := CASE WHEN maker IS NULL THEN 0 ELSE mz_sim.find_role(maker) END;
        IF owner_oid <> 0 AND NOT mz_sim.unchecked(session_user) AND NOT pg_has_role(session_user, owner_oid, 'USAGE') THEN
            PERFORM mz_sim.fail(format('must be a member of "%s"', maker), '42501');
        END IF;
        FOREACH space IN ARRAY coalesce(schemas, ARRAY[NULL]) LOOP
            IF space IS NOT NULL AND to_regnamespace(quote_ident(space)) IS NULL THEN
                PERFORM mz_sim.fail(format('unknown schema ''%s''', space));
            END IF;
            FOREACH getter IN ARRAY grantees LOOP
                grantee_oid := CASE WHEN getter = 'public' THEN 0 ELSE mz_sim.find_role(getter) END;
                DELETE FROM mz_sim.default_privileges d
                    WHERE d.owner = owner_oid AND d.schema IS NOT DISTINCT FROM to_regnamespace(quote_ident(space)) AND d.in_database = alter_default_privileges.in_database
                      AND d.object_type = kind AND d.grantee = grantee_oid AND d.privilege = ANY (wanted);
                IF giving THEN
                    INSERT INTO mz_sim.default_privileges
                        SELECT owner_oid, to_regnamespace(quote_ident(space)), alter_default_privileges.in_database, kind, grantee_oid, unnest(wanted);
                END IF;
                IF kind = 'table' AND maker IS NOT NULL THEN
                    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I %s %s %s ON TABLES %s %s', maker,
                        CASE WHEN space IS NOT NULL THEN format('IN SCHEMA %I', space) END, CASE WHEN giving THEN 'GRANT' ELSE 'REVOKE' END,
                        array_to_string(wanted, ', '), CASE WHEN giving THEN 'TO' ELSE 'FROM' END, CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(getter) END);
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
END $$;

-- grant_defaults gives a new cluster the privileges that are promised for it.
CREATE FUNCTION mz_sim.grant_defaults() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO mz_sim.grants SELECT DISTINCT NEW.id, d.grantee, d.privilege FROM mz_sim.default_privileges d
        WHERE d.object_type = 'cluster' AND d.owner IN (0, NEW.owner);
    RETURN NULL;
END $$;
CREATE TRIGGER defaults AFTER INSERT ON mz_sim.clusters FOR EACH ROW EXECUTE FUNCTION mz_sim.grant_defaults();
