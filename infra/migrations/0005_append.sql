-- Appending again: conditions by type, by tag or by both (dynamic consistency boundaries); statements that
-- have nothing to do are left out; the head is locked by the update that moves it.

-- The last position of each event name: what a condition by type alone asks.
CREATE TABLE kehu.names (
    tenant   text COLLATE "C" NOT NULL,
    name     text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (tenant, name)
) WITH (fillfactor = 50);
INSERT INTO kehu.names SELECT tenant, name, max(position) FROM kehu.events GROUP BY tenant, name;

-- The last event after p_after, up to p_head, that has one of the names (NULL: any) and all of the tags, and
-- what it was found by.
CREATE FUNCTION kehu.matched(p_tenant text, p_names jsonb, p_tags jsonb, p_after bigint, p_head bigint)
RETURNS TABLE (subject text, "position" bigint)
LANGUAGE plpgsql STABLE
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    names text[] := CASE WHEN p_names IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(p_names)) END;
    tags  text[] := ARRAY(SELECT jsonb_array_elements_text(p_tags));
BEGIN
    IF cardinality(tags) > 0 THEN
        RETURN QUERY
        SELECT array_to_string(tags, ' '), g.position FROM kehu.tags g
         WHERE g.tenant = p_tenant AND g.tag = tags[1] AND g.position > p_after
           AND (names IS NULL OR g.name = ANY (names))
           AND NOT EXISTS (
               SELECT FROM unnest(tags[2:]) AS other(tag)
                WHERE NOT EXISTS (SELECT FROM kehu.tags h
                                   WHERE h.tenant = p_tenant AND h.tag = other.tag AND h.position = g.position))
         ORDER BY g.position DESC LIMIT 1;
    ELSIF names IS NOT NULL THEN
        RETURN QUERY
        SELECT n.name, n.position FROM unnest(names) AS asked(name)
         CROSS JOIN LATERAL (
               SELECT n.name, n.position FROM kehu.names n
                WHERE n.tenant = p_tenant AND n.name = asked.name AND n.position > p_after LIMIT 1) n
         ORDER BY n.position DESC LIMIT 1;
    ELSIF p_head > p_after THEN
        RETURN QUERY SELECT 'the log', p_head;
    END IF;
END $$;

DROP FUNCTION kehu.append;

-- Append a batch of units under the tenant's head lock. A unit is all in or all out, and one unit's
-- refusal leaves its neighbours alone. Conditions (c_*: a stream has this version; t_*: no event with one
-- of the names and all of the tags, both as JSON, after this position), events (e_*), tags (g_*), stream
-- versions (w_*) and commands (k_*) each name their unit, counted from 1.
--
-- Answers one row for unit 0 (position and time before the batch's first event), and one row for each
-- unit refused: `repeated` with the first result of that command, or `conflict` with what was found.
CREATE FUNCTION kehu.append(
    p_tenant text, p_units integer,
    c_unit integer[], c_stream text[], c_version integer[],
    t_unit integer[], t_names text[], t_tags text[], t_after bigint[],
    e_unit integer[], e_stream text[], e_version integer[], e_name text[], e_schema smallint[],
    e_occurred timestamptz[], e_customer text[], e_command text[], e_actor text[], e_behalf text[],
    e_causation text[], e_correlation text[], e_source text[], e_data bytea[],
    g_event integer[], g_tag text[], g_name text[],
    w_unit integer[], w_stream text[], w_version integer[],
    k_unit integer[], k_id text[], k_fingerprint bytea[], k_stream text[], k_version integer[],
    k_last integer[], k_events integer[]
) RETURNS TABLE (unit integer, why text, subject text, found bigint, "at" timestamptz, fingerprint bytea,
                 version integer, events integer)
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    head     bigint;
    since    timestamptz;
    accepted boolean[] := array_fill(true, ARRAY[p_units]);
    place    bigint[];
    wanted   integer := cardinality(e_unit);
    appended integer := wanted;
    refusals boolean := false;
    refused  record;
BEGIN
    UPDATE kehu.heads h
       SET position = h.position + wanted,
           recorded_at = greatest(clock_timestamp(), h.recorded_at + interval '1 microsecond')
                         + greatest(wanted - 1, 0) * interval '1 microsecond'
     WHERE h.tenant = p_tenant
    RETURNING h.position - wanted, h.recorded_at - greatest(wanted - 1, 0) * interval '1 microsecond'
      INTO head, since;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'tenant % does not exist', p_tenant USING ERRCODE = 'KH404';
    END IF;

    FOR refused IN
        SELECT DISTINCT ON (k.unit) k.unit, d.*
          FROM unnest(k_unit, k_id) AS k(unit, id)
         CROSS JOIN LATERAL (
               SELECT * FROM kehu.commands d WHERE d.tenant = p_tenant AND d.command_id = k.id LIMIT 1) d
    LOOP
        accepted[refused.unit] := false;
        refusals := true;
        RETURN QUERY SELECT refused.unit, 'repeated', refused.stream, refused.position,
                            refused.recorded_at, refused.fingerprint, refused.version, refused.events;
    END LOOP;

    FOR refused IN
        SELECT DISTINCT ON (c.unit) c.unit, c.stream, coalesce(s.version, 0) AS version
          FROM unnest(c_unit, c_stream, c_version) AS c(unit, stream, version)
          LEFT JOIN LATERAL (
               SELECT s.version FROM kehu.streams s
                WHERE s.tenant = p_tenant AND s.stream = c.stream LIMIT 1) s ON true
         WHERE coalesce(s.version, 0) <> c.version AND accepted[c.unit]
    LOOP
        accepted[refused.unit] := false;
        refusals := true;
        RETURN QUERY SELECT refused.unit, 'conflict', refused.stream, NULL::bigint,
                            NULL::timestamptz, NULL::bytea, refused.version, NULL::integer;
    END LOOP;

    IF cardinality(t_unit) > 0 THEN
        FOR refused IN
            SELECT DISTINCT ON (t.unit) t.unit, f.subject, f.position
              FROM unnest(t_unit, t_names, t_tags, t_after) AS t(unit, names, tags, after)
             CROSS JOIN LATERAL kehu.matched(p_tenant, t.names::jsonb, t.tags::jsonb, t.after, head) f
             WHERE accepted[t.unit]
        LOOP
            accepted[refused.unit] := false;
            refusals := true;
            RETURN QUERY SELECT refused.unit, 'conflict', refused.subject, refused.position,
                                NULL::timestamptz, NULL::bytea, NULL::integer, NULL::integer;
        END LOOP;
    END IF;

    -- place[i]: how many accepted events there are up to the i-th, negated where it is not accepted.
    IF refusals THEN
        SELECT array_agg(CASE WHEN accepted[e.unit] THEN e.n ELSE -e.n END ORDER BY e.i), coalesce(max(e.n), 0)
          INTO place, appended
          FROM (SELECT u.unit, u.i, count(*) FILTER (WHERE accepted[u.unit]) OVER (ORDER BY u.i) AS n
                  FROM unnest(e_unit) WITH ORDINALITY AS u(unit, i)) e;
        UPDATE kehu.heads h
           SET position = head + appended,
               recorded_at = since + greatest(appended - 1, 0) * interval '1 microsecond'
         WHERE h.tenant = p_tenant;
    ELSE
        SELECT array_agg(i) INTO place FROM generate_series(1, wanted) i;
    END IF;

    IF appended > 0 THEN
        IF head / kehu.range_size() <> (head + appended) / kehu.range_size() THEN
            PERFORM kehu.make_room(head + 1, head + appended);
        END IF;
        INSERT INTO kehu.events
        SELECT p_tenant, head + place[e.i], e.stream, e.version, e.name, e.schema,
               since + (place[e.i] - 1) * interval '1 microsecond', e.occurred, e.customer, e.command,
               e.actor, e.behalf, e.causation, e.correlation, e.source, e.data
          FROM unnest(e_stream, e_version, e_name, e_schema, e_occurred, e_customer, e_command, e_actor,
                      e_behalf, e_causation, e_correlation, e_source, e_data)
               WITH ORDINALITY AS e(stream, version, name, schema, occurred, customer, command, actor,
                                    behalf, causation, correlation, source, data, i)
         WHERE place[e.i] > 0;

        INSERT INTO kehu.streams AS s
        SELECT p_tenant, w.stream, w.version
          FROM unnest(w_unit, w_stream, w_version) AS w(unit, stream, version)
         WHERE accepted[w.unit]
            ON CONFLICT (tenant, stream) DO UPDATE SET version = excluded.version;

        INSERT INTO kehu.names AS n
        SELECT p_tenant, e.name, head + max(place[e.i])
          FROM unnest(e_name) WITH ORDINALITY AS e(name, i)
         WHERE place[e.i] > 0
         GROUP BY e.name
            ON CONFLICT (tenant, name) DO UPDATE SET position = excluded.position;
    END IF;

    IF cardinality(g_tag) > 0 THEN
        INSERT INTO kehu.tags
        SELECT p_tenant, g.tag, head + place[g.event], g.name
          FROM unnest(g_event, g_tag, g_name) AS g(event, tag, name)
         WHERE place[g.event] > 0;
    END IF;

    INSERT INTO kehu.commands
    SELECT p_tenant, k.id, k.fingerprint, k.stream, k.version,
           head + coalesce(abs(place[k.last]), 0), k.events,
           since + greatest(coalesce(abs(place[k.last]), 0) - 1, 0) * interval '1 microsecond'
      FROM unnest(k_unit, k_id, k_fingerprint, k_stream, k_version, k_last, k_events)
           AS k(unit, id, fingerprint, stream, version, last, events)
     WHERE accepted[k.unit];

    RETURN QUERY SELECT 0, 'base', p_tenant, head, since, NULL::bytea, NULL::integer, appended;
END $$;
