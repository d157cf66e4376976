-- Who makes room, or takes it away, has the table of ranges to itself: what another one has committed is seen a moment
-- before the other sessions learn of its partition, and an event that came in this moment found none. A lock on the
-- table is given up only after that. A tenant that begins its log makes no room, so whether somebody else is in
-- a range is asked again once nobody is appending.
CREATE OR REPLACE FUNCTION kehu.make_room(p_first bigint, p_last bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    size  constant bigint := kehu.range_size();
    start bigint;
BEGIN
    LOCK TABLE kehu.ranges IN SHARE ROW EXCLUSIVE MODE;
    FOR start IN SELECT n * size FROM generate_series(p_first / size, p_last / size) AS n LOOP
        CONTINUE WHEN EXISTS (SELECT FROM kehu.ranges r WHERE r.first <= start AND r.until > start);
        INSERT INTO kehu.ranges VALUES (start, start + size);
        EXECUTE format('CREATE TABLE kehu.%I (LIKE kehu.events INCLUDING ALL)', 'events_' || start);
        EXECUTE format('ALTER TABLE kehu.events ATTACH PARTITION kehu.%I FOR VALUES FROM (%s) TO (%s)',
                       'events_' || start, start, start + size);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION kehu.clear_range(p_tenant text, p_range bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    partition constant text := 'events_' || p_range;
    others    constant text := format('SELECT EXISTS (SELECT FROM kehu.%1$I WHERE tenant < $1)
                                           OR EXISTS (SELECT FROM kehu.%1$I WHERE tenant > $1)', partition);
    shared    boolean;
BEGIN
    LOCK TABLE kehu.ranges IN SHARE ROW EXCLUSIVE MODE;
    EXECUTE others INTO shared USING p_tenant;
    IF NOT shared THEN
        LOCK TABLE ONLY kehu.events IN ACCESS EXCLUSIVE MODE;
        EXECUTE others INTO shared USING p_tenant;
    END IF;
    IF shared THEN
        EXECUTE format('DELETE FROM kehu.%I WHERE tenant = $1', partition) USING p_tenant;
    ELSE
        EXECUTE format('ALTER TABLE kehu.events DETACH PARTITION kehu.%I', partition);
        EXECUTE format('DROP TABLE kehu.%I', partition);
        DELETE FROM kehu.ranges r WHERE r.first = p_range;
        PERFORM kehu.make_room(1, 1);
    END IF;
END $$;
