-- What applications of the `eventsourcing` library ask of the log besides events: how far each has
-- followed others, events that are found by their tags alone, and an append under their conditions.

CREATE TABLE kehu.tracking (
    tenant      text COLLATE "C" NOT NULL,
    follower    text COLLATE "C" NOT NULL,
    application text COLLATE "C" NOT NULL,
    position    bigint NOT NULL,
    PRIMARY KEY (tenant, follower, application)
) WITH (fillfactor = 50);

-- The events after p_after, up to p_until, of the streams whose names begin with a category, in order, and
-- of one of the names, where some are given. Nothing tells the planner how many streams begin so: it is
-- kept from sorting what the primary key holds in order.
CREATE FUNCTION kehu.notifications(
    p_tenant text, p_category text, p_names text[], p_after bigint, p_until bigint, p_limit bigint
) RETURNS TABLE (id text, version integer, name text, data bytea, "position" bigint)
LANGUAGE plpgsql STABLE
SET enable_sort = off SET enable_seqscan = off SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT substr(e.stream, length(p_category) + 1), e.version, e.name, e.data, e.position
      FROM kehu.events e
     WHERE e.tenant = p_tenant AND e.position > p_after AND e.position <= p_until
       AND left(e.stream, length(p_category)) = p_category
       AND (p_names IS NULL OR e.name = ANY (p_names))
     ORDER BY e.position LIMIT p_limit;
END $$;

-- The events of dynamic consistency boundaries, each with its tags in their order.
CREATE TABLE kehu.tagged (
    tenant      text COLLATE "C" NOT NULL,
    application text COLLATE "C" NOT NULL,
    position    bigint NOT NULL,
    name        text COLLATE "C" NOT NULL,
    tags        jsonb NOT NULL,
    PRIMARY KEY (tenant, application, position)
);
CREATE INDEX tagged_by_name ON kehu.tagged (tenant, application, name, position);

-- The first positions after p_after, up to p_until, of an application's events that have one of the
-- names and all of the tags; without names or without tags, of all names or whatever their tags.
CREATE FUNCTION kehu.matching(
    p_tenant text, p_application text, p_names text[], p_tags text[], p_after bigint, p_until bigint,
    p_limit bigint
) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    IF cardinality(p_tags) > 0 THEN
        RETURN QUERY
        SELECT g.position FROM kehu.tags g
         WHERE g.tenant = p_tenant AND g.tag = p_tags[1] AND g.position > p_after AND g.position <= p_until
           AND (cardinality(p_names) = 0 OR g.name = ANY (p_names))
           AND NOT EXISTS (
               SELECT FROM unnest(p_tags[2:]) AS other(tag)
                WHERE NOT EXISTS (SELECT FROM kehu.tags h
                                   WHERE h.tenant = p_tenant AND h.tag = other.tag AND h.position = g.position))
         ORDER BY g.position LIMIT p_limit;
    ELSIF cardinality(p_names) > 0 THEN
        RETURN QUERY
        SELECT found.position
          FROM (SELECT DISTINCT unnest(p_names) AS name) n
         CROSS JOIN LATERAL (
               SELECT t.position FROM kehu.tagged t
                WHERE t.tenant = p_tenant AND t.application = p_application AND t.name = n.name
                  AND t.position > p_after AND t.position <= p_until
                ORDER BY t.position LIMIT p_limit) found
         ORDER BY found.position LIMIT p_limit;
    ELSE
        RETURN QUERY
        SELECT t.position FROM kehu.tagged t
         WHERE t.tenant = p_tenant AND t.application = p_application
           AND t.position > p_after AND t.position <= p_until
         ORDER BY t.position LIMIT p_limit;
    END IF;
END $$;

-- As kehu.append, with the conditions that the library's recorders promise instead of its own: versions
-- of a stream that are not there yet (n_*), a follower that is not so far yet (r_*), and no event that
-- matches names and tags, both as JSON, after a position (q_*). l_*, one for each event, says whose
-- tagged event it is and with which tags, as JSON; NULL where it is none. A unit that is refused is
-- handed on with a condition that cannot hold, so that a repeated command still gets its first result.
CREATE FUNCTION kehu.append_if(
    p_tenant text, p_units integer,
    n_unit integer[], n_stream text[], n_first integer[], n_last integer[],
    r_unit integer[], r_follower text[], r_application text[], r_position bigint[],
    q_unit integer[], q_application text[], q_names text[], q_tags text[], q_after bigint[],
    l_application text[], l_tags text[],
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
    refused  integer[];
    subjects text[];
    accepted boolean[] := array_fill(true, ARRAY[p_units]);
    head     bigint;
    moved    bigint;
    answer   record;
BEGIN
    PERFORM FROM kehu.heads h WHERE h.tenant = p_tenant FOR UPDATE;

    SELECT array_agg(x.unit), array_agg(x.subject) INTO refused, subjects
      FROM (SELECT n.unit, n.stream AS subject
              FROM unnest(n_unit, n_stream, n_first, n_last) AS n(unit, stream, first, last)
             CROSS JOIN LATERAL (
                   SELECT FROM kehu.events e
                    WHERE e.tenant = p_tenant AND e.stream = n.stream
                      AND e.version BETWEEN n.first AND n.last LIMIT 1) known
             UNION ALL
            SELECT r.unit, r.follower || ' follows ' || r.application
              FROM unnest(r_unit, r_follower, r_application, r_position)
                   AS r(unit, follower, application, position)
             CROSS JOIN LATERAL (
                   SELECT FROM kehu.tracking t
                    WHERE t.tenant = p_tenant AND t.follower = r.follower
                      AND t.application = r.application AND t.position >= r.position LIMIT 1) known
             UNION ALL
            SELECT q.unit, q.application || ': ' || q.names || ' ' || q.tags
              FROM unnest(q_unit, q_application, q_names, q_tags, q_after)
                   AS q(unit, application, names, tags, after)
             CROSS JOIN LATERAL kehu.matching(
                   p_tenant, q.application, ARRAY(SELECT jsonb_array_elements_text(q.names::jsonb)),
                   ARRAY(SELECT jsonb_array_elements_text(q.tags::jsonb)),
                   q.after, 9223372036854775807, 1)) x;

    FOR answer IN
        SELECT * FROM kehu.append(
            p_tenant, p_units,
            refused, subjects, array_fill((-2147483648)::integer, ARRAY[coalesce(cardinality(refused), 0)]),
            '{}', '{}', '{}', '{}',
            e_unit, e_stream, e_version, e_name, e_schema, e_occurred, e_customer, e_command, e_actor,
            e_behalf, e_causation, e_correlation, e_source, e_data,
            g_event, g_tag, g_name, w_unit, w_stream, w_version,
            k_unit, k_id, k_fingerprint, k_stream, k_version, k_last, k_events)
    LOOP
        IF answer.unit = 0 THEN head := answer.found; ELSE accepted[answer.unit] := false; END IF;
        RETURN QUERY SELECT answer.unit, answer.why, answer.subject, answer.found, answer."at",
                            answer.fingerprint, answer.version, answer.events;
    END LOOP;

    IF cardinality(l_tags) > 0 THEN
        INSERT INTO kehu.tagged
        SELECT p_tenant, e.application, head + e.place, e.name, e.tags::jsonb
          FROM (SELECT u.unit, u.name, u.application, u.tags,
                       count(*) FILTER (WHERE accepted[u.unit]) OVER (ORDER BY u.i) AS place
                  FROM unnest(e_unit, e_name, l_application, l_tags)
                       WITH ORDINALITY AS u(unit, name, application, tags, i)) e
         WHERE e.application IS NOT NULL AND accepted[e.unit];
    END IF;

    IF cardinality(r_unit) > 0 THEN
        INSERT INTO kehu.tracking AS t
        SELECT p_tenant, r.follower, r.application, r.position
          FROM unnest(r_unit, r_follower, r_application, r_position) AS r(unit, follower, application, position)
         WHERE accepted[r.unit]
            ON CONFLICT (tenant, follower, application) DO UPDATE SET position = excluded.position
         WHERE t.position < excluded.position;
        GET DIAGNOSTICS moved = ROW_COUNT;
        IF moved < (SELECT count(*) FROM unnest(r_unit) AS r(unit) WHERE accepted[r.unit]) THEN
            RAISE EXCEPTION 'a follower was moved on meanwhile' USING ERRCODE = 'serialization_failure';
        END IF;
    END IF;
END $$;
