-- What values of tables may be, and which rows an UPDATE counts.

-- check_values refuses values that Materialize's types have not. Its arguments are the columns of the types that it is about.
CREATE FUNCTION mz_sim.check_values() RETURNS trigger
    LANGUAGE plpgsql AS $$
DECLARE
    column_name text;
    kind text;
    wrong text;
BEGIN
    FOREACH column_name IN ARRAY TG_ARGV LOOP
        EXECUTE format('SELECT pg_typeof(($1).%1$I), CASE WHEN pg_typeof(($1).%1$I) = ''jsonb''::regtype
                THEN (SELECT v #>> ''{}'' FROM jsonb_path_query(to_jsonb(($1).%1$I), ''strict $.** ? (@.type() == "number")'') v
                      WHERE length(ltrim(replace(replace(v #>> ''{}'', ''.'', ''''), ''-'', ''''), ''0'')) > 39 LIMIT 1)
                WHEN NOT isfinite((($1).%1$I)::text::timestamptz) THEN (($1).%1$I)::text END', column_name) INTO kind, wrong USING NEW;
        IF wrong IS NOT NULL AND kind = 'jsonb' THEN
            PERFORM mz_sim.fail(format('invalid input syntax for type jsonb: "%s" is out of range for type numeric: exceeds maximum precision 39',
                CASE WHEN wrong ~ '^\d0+$' THEN left(wrong, 1) || 'e+' || length(wrong) - 1 ELSE wrong END), '22P02');
        ELSIF wrong IS NOT NULL THEN
            PERFORM mz_sim.fail(format('invalid input syntax for type %s: YEAR, MONTH, DAY are all required: "%s"', kind, wrong), '22007');
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

-- guard_table gives a table the triggers that make it one of Materialize's. They are internal, so that nobody sees them.
CREATE FUNCTION mz_sim.guard_table(relation oid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    columns text := (SELECT string_agg(quote_literal(attname), ', ') FROM pg_attribute
                     WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND atttypid IN ('jsonb'::regtype, 'timestamptz'::regtype, 'timestamp'::regtype));
BEGIN
    EXECUTE format('CREATE TRIGGER mz_sim_changed BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()', relation::regclass);
    IF columns IS NOT NULL THEN
        EXECUTE format('CREATE TRIGGER mz_sim_values BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION mz_sim.check_values(%s)', relation::regclass, columns);
    END IF;
    UPDATE pg_trigger SET tgisinternal = true WHERE tgrelid = relation AND tgname IN ('mz_sim_changed', 'mz_sim_values');
END $$;
