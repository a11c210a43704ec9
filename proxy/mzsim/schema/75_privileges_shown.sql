-- What the catalog shows of privileges, and the functions that clients ask.

-- mz_aclexplode takes privileges as mz_aclitems, grantee=rights/grantor, apart.
CREATE FUNCTION mz_internal.mz_aclexplode(items text[])
    RETURNS TABLE (grantor text, grantee text, privilege_type text, is_grantable bool)
    LANGUAGE sql IMMUTABLE AS $$
    SELECT split_part(item, '/', 2), coalesce(nullif(split_part(item, '=', 1), ''), 'p'), p.name, false
    FROM unnest(items) item,
         unnest(string_to_array(split_part(split_part(item, '=', 2), '/', 1), NULL)) letter
         JOIN (VALUES ('a', 'INSERT'), ('r', 'SELECT'), ('w', 'UPDATE'), ('d', 'DELETE'), ('U', 'USAGE'), ('C', 'CREATE'), ('R', 'CREATEROLE'),
                      ('B', 'CREATEDB'), ('N', 'CREATECLUSTER'), ('P', 'CREATENETWORKPOLICY')) p (letter, name) USING (letter)
$$;

CREATE FUNCTION pg_catalog.mz_is_superuser() RETURNS bool
    LANGUAGE sql STABLE AS $$ SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user $$;

CREATE FUNCTION pg_catalog.has_system_privilege(role name, privilege text) RETURNS bool
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT bool_or((SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = role) OR mz_sim.granted(role, NULL, upper(trim(p))))
    FROM string_to_table(privilege, ',') p
$$;
CREATE FUNCTION pg_catalog.has_system_privilege(privilege text) RETURNS bool
    LANGUAGE sql STABLE AS $$ SELECT has_system_privilege(session_user, privilege) $$;

CREATE FUNCTION pg_catalog.has_cluster_privilege(role name, cluster text, privilege text) RETURNS bool
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT bool_or((SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = role) OR pg_has_role(role, c.owner, 'USAGE')
                   OR mz_sim.granted(role, c.id, upper(trim(p))))
    FROM string_to_table(privilege, ',') p, mz_sim.find_cluster(cluster) c
$$;
CREATE FUNCTION pg_catalog.has_cluster_privilege(cluster text, privilege text) RETURNS bool
    LANGUAGE sql STABLE AS $$ SELECT has_cluster_privilege(session_user, cluster, privilege) $$;

CREATE VIEW mz_catalog.mz_system_privileges AS
    SELECT 's1=RBNP/s1' AS privileges
    UNION ALL
    SELECT format('%s=%s/s1', CASE WHEN g.grantee <> 0 THEN mz_sim.role_id(g.grantee) END,
                  string_agg(CASE g.privilege WHEN 'CREATEROLE' THEN 'R' WHEN 'CREATEDB' THEN 'B' WHEN 'CREATECLUSTER' THEN 'N' ELSE 'P' END, ''
                             ORDER BY array_position(ARRAY['CREATEROLE', 'CREATEDB', 'CREATECLUSTER', 'CREATENETWORKPOLICY'], g.privilege)))
    FROM mz_sim.grants g WHERE g.cluster_id IS NULL GROUP BY g.grantee;

CREATE VIEW mz_catalog.mz_default_privileges AS
    SELECT CASE WHEN d.owner = 0 THEN 'p' ELSE mz_sim.role_id(d.owner) END AS role_id,
           CASE WHEN d.schema IS NOT NULL OR d.in_database THEN 'u1' END AS database_id, mz_sim.schema_id(d.schema) AS schema_id, d.object_type,
           CASE WHEN d.grantee = 0 THEN 'p' ELSE mz_sim.role_id(d.grantee) END AS grantee,
           string_agg(CASE d.privilege WHEN 'INSERT' THEN 'a' WHEN 'SELECT' THEN 'r' WHEN 'UPDATE' THEN 'w' WHEN 'DELETE' THEN 'd'
                                       WHEN 'USAGE' THEN 'U' ELSE 'C' END, '' ORDER BY d.privilege) AS privileges
    FROM mz_sim.default_privileges d GROUP BY d.owner, d.schema, d.in_database, d.object_type, d.grantee;

-- named resolves the ids of roles in exploded privileges.
CREATE FUNCTION mz_sim.named(items text[]) RETURNS TABLE (grantor text, grantee text, privilege_type text)
    LANGUAGE sql STABLE AS $$
    SELECT r.name, CASE x.grantee WHEN 'p' THEN 'PUBLIC' ELSE e.name END, x.privilege_type
    FROM mz_internal.mz_aclexplode(items) x
    LEFT JOIN mz_catalog.mz_roles r ON r.id = x.grantor LEFT JOIN mz_catalog.mz_roles e ON e.id = x.grantee
    WHERE x.grantee NOT LIKE 's%'
$$;

CREATE VIEW mz_internal.mz_show_system_privileges AS
    SELECT n.* FROM mz_sim.named(ARRAY(SELECT privileges FROM mz_catalog.mz_system_privileges)) n;
CREATE VIEW mz_internal.mz_show_cluster_privileges AS
    SELECT n.grantor, n.grantee, c.name, n.privilege_type FROM mz_catalog.mz_clusters c, mz_sim.named(c.privileges) n WHERE c.id NOT LIKE 's%';
CREATE VIEW mz_internal.mz_show_database_privileges AS
    SELECT n.grantor, n.grantee, d.name, n.privilege_type FROM mz_catalog.mz_databases d, mz_sim.named(d.privileges) n;
CREATE VIEW mz_internal.mz_show_schema_privileges AS
    SELECT n.grantor, n.grantee, d.name AS database, s.name, n.privilege_type
    FROM mz_catalog.mz_schemas s JOIN mz_catalog.mz_databases d ON d.id = s.database_id, mz_sim.named(s.privileges) n;
CREATE VIEW mz_internal.mz_show_object_privileges AS
    SELECT n.grantor, n.grantee, d.name AS database, s.name AS schema, o.name, o.type AS object_type, n.privilege_type
    FROM mz_catalog.mz_objects o JOIN mz_catalog.mz_schemas s ON s.id = o.schema_id JOIN mz_catalog.mz_databases d ON d.id = s.database_id,
         mz_sim.named(o.privileges) n WHERE o.id NOT LIKE 's%';
CREATE VIEW mz_internal.mz_show_default_privileges AS
    SELECT CASE d.role_id WHEN 'p' THEN 'PUBLIC' ELSE o.name END AS object_owner, b.name AS database, s.name AS schema, d.object_type,
           CASE d.grantee WHEN 'p' THEN 'PUBLIC' ELSE g.name END AS grantee, x.privilege_type
    FROM mz_catalog.mz_default_privileges d
    LEFT JOIN mz_catalog.mz_roles o ON o.id = d.role_id LEFT JOIN mz_catalog.mz_roles g ON g.id = d.grantee
    LEFT JOIN mz_catalog.mz_databases b ON b.id = d.database_id LEFT JOIN mz_catalog.mz_schemas s ON s.id = d.schema_id
    CROSS JOIN LATERAL mz_internal.mz_aclexplode(ARRAY['p=' || d.privileges || '/s1']) x;
CREATE VIEW mz_internal.mz_show_role_members AS
    SELECT r.name AS role, m.name AS member, g.name AS grantor
    FROM mz_catalog.mz_role_members x JOIN mz_catalog.mz_roles r ON r.id = x.role_id JOIN mz_catalog.mz_roles m ON m.id = x.member
    LEFT JOIN mz_catalog.mz_roles g ON g.id = x.grantor;

-- mine tells whether privileges of a role are the session's, too.
CREATE FUNCTION mz_sim.mine(role text) RETURNS bool
    LANGUAGE sql STABLE AS $$
    SELECT role = 'PUBLIC' OR EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = role AND pg_has_role(session_user, r.oid, 'USAGE'))
$$;
CREATE VIEW mz_internal.mz_show_my_system_privileges AS SELECT * FROM mz_internal.mz_show_system_privileges WHERE mz_sim.mine(grantee);
CREATE VIEW mz_internal.mz_show_my_cluster_privileges AS SELECT * FROM mz_internal.mz_show_cluster_privileges WHERE mz_sim.mine(grantee);
CREATE VIEW mz_internal.mz_show_my_database_privileges AS SELECT * FROM mz_internal.mz_show_database_privileges WHERE mz_sim.mine(grantee);
CREATE VIEW mz_internal.mz_show_my_schema_privileges AS SELECT * FROM mz_internal.mz_show_schema_privileges WHERE mz_sim.mine(grantee);
CREATE VIEW mz_internal.mz_show_my_object_privileges AS SELECT * FROM mz_internal.mz_show_object_privileges WHERE mz_sim.mine(grantee);
CREATE VIEW mz_internal.mz_show_my_default_privileges AS SELECT * FROM mz_internal.mz_show_default_privileges WHERE mz_sim.mine(grantee);
CREATE VIEW mz_internal.mz_show_my_role_members AS SELECT * FROM mz_internal.mz_show_role_members WHERE mz_sim.mine(member);
