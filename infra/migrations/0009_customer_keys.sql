-- Under which key what is personal in the events about a customer is sealed; NULL once it was destroyed, which
-- erases it. Who has no key yet gets one with the first event that says something personal.
CREATE TABLE kehu.customer_keys (
    tenant      text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    key         bytea,
    PRIMARY KEY (tenant, customer_id)
);

-- By which tag a customer's identifier is found, and where it stands.
CREATE TYPE kehu.claim AS (customer_id text, tag text, "position" bigint);

-- As kehu.append; in the same transaction, the keys of those of these customers are destroyed whose erasure is in
-- the log then, and these claims of theirs are gone.
CREATE FUNCTION kehu.append_erasing(
    p_tenant text, p_units integer, p_expected kehu.expected[], p_absences kehu.absence[],
    p_events kehu.new_event[], p_tags kehu.new_tag[], p_commands kehu.new_command[],
    p_customers text[], p_claims kehu.claim[]
) RETURNS TABLE (unit integer, why text, subject text, found bigint, "at" timestamptz, fingerprint bytea,
                 version integer, events integer)
LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    erased text[];
BEGIN
    RETURN QUERY
    SELECT * FROM kehu.append(p_tenant, p_units, p_expected, p_absences, p_events, p_tags, p_commands);

    erased := ARRAY(
        SELECT c FROM unnest(p_customers) c
         WHERE EXISTS (SELECT FROM kehu.events e
                        WHERE e.tenant = p_tenant AND e.customer_id = c AND e.name = 'PersonalDataErased'));
    INSERT INTO kehu.customer_keys AS k SELECT DISTINCT p_tenant, c FROM unnest(erased) c
        ON CONFLICT (tenant, customer_id) DO UPDATE SET key = NULL;
    DELETE FROM kehu.tags g
     USING unnest(p_claims) c
     WHERE c.customer_id = ANY (erased)
       AND g.tenant = p_tenant AND g.tag = c.tag AND g.position = c.position;
END $$;
