-- The log: one head row a tenant, streams, events, tags and the commands that were answered.
-- Every key begins with the tenant, no sequence and no foreign key crosses tenants (Citus, DESIGN 5).

CREATE TABLE kehu.heads (
    tenant      text COLLATE "C" PRIMARY KEY,
    position    bigint NOT NULL DEFAULT 0,
    recorded_at timestamptz NOT NULL DEFAULT '0001-01-01 00:00:00+00'
);

CREATE TABLE kehu.events (
    tenant         text COLLATE "C" NOT NULL,
    position       bigint NOT NULL,
    stream         text COLLATE "C" NOT NULL,
    version        integer NOT NULL,
    name           text COLLATE "C" NOT NULL,
    schema         smallint NOT NULL,
    recorded_at    timestamptz NOT NULL,
    occurred_at    timestamptz NOT NULL,
    customer_id    text COLLATE "C",
    command_id     text COLLATE "C" NOT NULL,
    actor          text COLLATE "C" NOT NULL,
    on_behalf_of   text COLLATE "C",
    causation_id   text COLLATE "C",
    correlation_id text COLLATE "C",
    source         text COLLATE "C",
    data           bytea NOT NULL,
    PRIMARY KEY (tenant, position)
);
CREATE UNIQUE INDEX events_by_stream ON kehu.events (tenant, stream, version);
CREATE INDEX events_by_customer ON kehu.events (tenant, customer_id, position) WHERE customer_id IS NOT NULL;

CREATE TABLE kehu.streams (
    tenant  text COLLATE "C" NOT NULL,
    stream  text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (tenant, stream)
) WITH (fillfactor = 80);

CREATE TABLE kehu.tags (
    tenant   text COLLATE "C" NOT NULL,
    tag      text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    name     text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, tag, position)
);

CREATE TABLE kehu.commands (
    tenant      text COLLATE "C" NOT NULL,
    command_id  text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    stream      text COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    position    bigint NOT NULL,
    events      integer NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, command_id)
);

-- Append a batch of units under the tenant's head lock. A unit is all in or all out, and one unit's
-- refusal leaves its neighbours alone. Conditions (c_*: a stream has this version; t_*: no event with
-- this tag and one of these names after this position), events (e_*), tags (g_*), stream versions (w_*)
-- and commands (k_*) each name their unit, counted from 1.
--
-- Answers one row for unit 0 (position and time before the batch's first event), and one row for each
-- unit refused: `repeated` with the first result of that command, or `conflict` with what was found.
CREATE FUNCTION kehu.append(
    p_tenant text, p_units integer,
    c_unit integer[], c_stream text[], c_version integer[],
    t_unit integer[], t_tag text[], t_names text[], t_after bigint[],
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
    appended bigint;
    refused  record;
BEGIN
    SELECT h.position, greatest(clock_timestamp(), h.recorded_at + interval '1 microsecond')
      INTO head, since
      FROM kehu.heads h WHERE h.tenant = p_tenant FOR UPDATE;
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
        RETURN QUERY SELECT refused.unit, 'conflict', refused.stream, NULL::bigint,
                            NULL::timestamptz, NULL::bytea, refused.version, NULL::integer;
    END LOOP;

    FOR refused IN
        SELECT DISTINCT ON (t.unit) t.unit, t.tag, f.position
          FROM unnest(t_unit, t_tag, t_names, t_after) AS t(unit, tag, names, after)
         CROSS JOIN LATERAL (
               SELECT g.position FROM kehu.tags g
                WHERE g.tenant = p_tenant AND g.tag = t.tag AND g.position > t.after
                  AND (t.names IS NULL OR g.name = ANY (string_to_array(t.names, ',')))
                ORDER BY g.position DESC LIMIT 1) f
         WHERE accepted[t.unit]
    LOOP
        accepted[refused.unit] := false;
        RETURN QUERY SELECT refused.unit, 'conflict', refused.tag, refused.position,
                            NULL::timestamptz, NULL::bytea, NULL::integer, NULL::integer;
    END LOOP;

    -- place[i]: how many accepted events there are up to the i-th, negated where it is not accepted.
    SELECT array_agg(CASE WHEN accepted[e.unit] THEN e.n ELSE -e.n END ORDER BY e.i), max(e.n)
      INTO place, appended
      FROM (SELECT u.unit, u.i, count(*) FILTER (WHERE accepted[u.unit]) OVER (ORDER BY u.i) AS n
              FROM unnest(e_unit) WITH ORDINALITY AS u(unit, i)) e;
    appended := coalesce(appended, 0);

    INSERT INTO kehu.events
    SELECT p_tenant, head + place[e.i], e.stream, e.version, e.name, e.schema,
           since + (place[e.i] - 1) * interval '1 microsecond', e.occurred, e.customer, e.command,
           e.actor, e.behalf, e.causation, e.correlation, e.source, e.data
      FROM unnest(e_stream, e_version, e_name, e_schema, e_occurred, e_customer, e_command, e_actor,
                  e_behalf, e_causation, e_correlation, e_source, e_data)
           WITH ORDINALITY AS e(stream, version, name, schema, occurred, customer, command, actor,
                                behalf, causation, correlation, source, data, i)
     WHERE place[e.i] > 0;

    INSERT INTO kehu.tags
    SELECT p_tenant, g.tag, head + place[g.event], g.name
      FROM unnest(g_event, g_tag, g_name) AS g(event, tag, name)
     WHERE place[g.event] > 0;

    INSERT INTO kehu.streams AS s
    SELECT p_tenant, w.stream, w.version
      FROM unnest(w_unit, w_stream, w_version) AS w(unit, stream, version)
     WHERE accepted[w.unit]
        ON CONFLICT (tenant, stream) DO UPDATE SET version = excluded.version;

    INSERT INTO kehu.commands
    SELECT p_tenant, k.id, k.fingerprint, k.stream, k.version,
           head + coalesce(abs(place[k.last]), 0), k.events,
           since + greatest(coalesce(abs(place[k.last]), 0) - 1, 0) * interval '1 microsecond'
      FROM unnest(k_unit, k_id, k_fingerprint, k_stream, k_version, k_last, k_events)
           AS k(unit, id, fingerprint, stream, version, last, events)
     WHERE accepted[k.unit];

    IF appended > 0 THEN
        UPDATE kehu.heads h
           SET position = head + appended,
               recorded_at = since + (appended - 1) * interval '1 microsecond'
         WHERE h.tenant = p_tenant;
    END IF;
    RETURN QUERY SELECT 0, 'base', p_tenant, head, since, NULL::bytea, NULL::integer, appended::integer;
END $$;

-- The last position recorded at or before a moment; positions are dense and times increase with them,
-- so a binary search over the primary key finds it without an index of its own.
CREATE FUNCTION kehu.position_at(p_tenant text, p_time timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    low  bigint := 0;
    high bigint;
    half bigint;
BEGIN
    SELECT h.position INTO high FROM kehu.heads h WHERE h.tenant = p_tenant;
    WHILE low < high LOOP
        half := (low + high + 1) / 2;
        IF (SELECT e.recorded_at FROM kehu.events e WHERE e.tenant = p_tenant AND e.position = half) <= p_time
        THEN low := half; ELSE high := half - 1; END IF;
    END LOOP;
    RETURN low;
END $$;
