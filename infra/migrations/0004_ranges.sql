-- Events lie in partitions by position, shared by all tenants, so that an old range can leave as a whole.
-- A range holds the positions first <= position < until, in the table kehu.events_<first>.
CREATE TABLE kehu.ranges (
    first bigint PRIMARY KEY,
    until bigint NOT NULL
);

-- Which positions of a tenant lie in a Parquet file instead; each begins where the one before ends.
CREATE TABLE kehu.archives (
    tenant         text COLLATE "C" NOT NULL,
    first          bigint NOT NULL,
    last           bigint NOT NULL,
    recorded_until timestamptz NOT NULL, -- the time of its last event
    path           text NOT NULL,
    digest         bytea NOT NULL, -- SHA-256 of the file
    archived_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, first)
);

CREATE FUNCTION kehu.range_size() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 1048576::bigint';

ALTER TABLE kehu.events RENAME TO events_0;
ALTER TABLE kehu.events_0 RENAME CONSTRAINT events_pkey TO events_0_pkey;
ALTER INDEX kehu.events_by_customer RENAME TO events_0_by_customer;
DROP INDEX kehu.events_by_stream;

-- A unique index would need the position in it: that a version is taken once, kehu.streams sees to, under
-- the head's lock.
CREATE TABLE kehu.events (LIKE kehu.events_0, PRIMARY KEY (tenant, position)) PARTITION BY RANGE (position);
CREATE INDEX events_by_stream ON kehu.events (tenant, stream, version);
CREATE INDEX events_by_customer ON kehu.events (tenant, customer_id, position) WHERE customer_id IS NOT NULL;

DO $$
DECLARE
    size constant bigint := kehu.range_size();
    room constant bigint := (SELECT coalesce(max(position), 0) / size + 1 FROM kehu.heads) * size;
BEGIN
    EXECUTE format('ALTER TABLE kehu.events ATTACH PARTITION kehu.events_0 FOR VALUES FROM (0) TO (%s)', room);
    INSERT INTO kehu.ranges VALUES (0, room);
END $$;

-- See to it that there are partitions for these positions. To attach one lets all others read and append;
-- who wants the same range at the same time waits until the first has committed it.
CREATE FUNCTION kehu.make_room(p_first bigint, p_last bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    size  constant bigint := kehu.range_size();
    start bigint;
BEGIN
    FOR start IN SELECT n * size FROM generate_series(p_first / size, p_last / size) AS n LOOP
        PERFORM FROM kehu.ranges r WHERE r.first <= start AND r.until > start FOR KEY SHARE;
        CONTINUE WHEN FOUND;
        INSERT INTO kehu.ranges VALUES (start, start + size) ON CONFLICT DO NOTHING;
        CONTINUE WHEN NOT FOUND;
        EXECUTE format('CREATE TABLE kehu.%I (LIKE kehu.events INCLUDING ALL)', 'events_' || start);
        EXECUTE format('ALTER TABLE kehu.events ATTACH PARTITION kehu.%I FOR VALUES FROM (%s) TO (%s)',
                       'events_' || start, start, start + size);
    END LOOP;
END $$;

-- Remove a tenant's events from a range: with the whole partition where nobody else has events in it. A
-- tenant that comes into the range later makes room for itself; one that is new begins in the first.
CREATE FUNCTION kehu.clear_range(p_tenant text, p_range bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    partition constant text := 'events_' || p_range;
    shared    boolean;
BEGIN
    PERFORM FROM kehu.ranges r WHERE r.first = p_range FOR UPDATE;
    EXECUTE format('SELECT EXISTS (SELECT FROM kehu.%1$I WHERE tenant < $1)
                        OR EXISTS (SELECT FROM kehu.%1$I WHERE tenant > $1)', partition)
       INTO shared USING p_tenant;
    IF shared THEN
        EXECUTE format('DELETE FROM kehu.%I WHERE tenant = $1', partition) USING p_tenant;
    ELSE
        EXECUTE format('ALTER TABLE kehu.events DETACH PARTITION kehu.%I', partition);
        EXECUTE format('DROP TABLE kehu.%I', partition);
        DELETE FROM kehu.ranges r WHERE r.first = p_range;
        PERFORM kehu.make_room(1, 1);
    END IF;
END $$;

-- An error for who does not know of an archive yet, so that no answer misses its events; to be tried again.
CREATE FUNCTION kehu.archived_meanwhile() RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE EXCEPTION 'events were archived meanwhile' USING ERRCODE = 'serialization_failure';
END $$;

-- The last position recorded at or before a moment, of those that are not archived; the last archived one
-- where there is none. Positions are dense and times increase with them: a binary search over the primary key.
CREATE OR REPLACE FUNCTION kehu.position_at(p_tenant text, p_time timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    low  bigint := (SELECT coalesce(max(a.last), 0) FROM kehu.archives a WHERE a.tenant = p_tenant);
    high bigint := (SELECT h.position FROM kehu.heads h WHERE h.tenant = p_tenant);
    half bigint;
    found timestamptz;
BEGIN
    WHILE low < high LOOP
        half := (low + high + 1) / 2;
        SELECT e.recorded_at INTO found FROM kehu.events e WHERE e.tenant = p_tenant AND e.position = half;
        IF found IS NULL THEN
            PERFORM kehu.archived_meanwhile();
        ELSIF found <= p_time THEN
            low := half;
        ELSE
            high := half - 1;
        END IF;
    END LOOP;
    RETURN low;
END $$;
