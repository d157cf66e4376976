-- Under which key what is personal in events is sealed: the subject is the stream of the customer whom they are
-- about, or of the lead who may become one. NULL once it was destroyed, which erases it. A subject has no key
-- before the first event that says something personal.
CREATE TABLE kehu.subject_keys (
    tenant  text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    key     bytea,
    PRIMARY KEY (tenant, subject)
);

-- Which key goes with a customer's personal data, and which tag at which position.
CREATE TYPE kehu.erased_key AS (customer_id text, subject text);
CREATE TYPE kehu.erased_tag AS (customer_id text, tag text, "position" bigint);

-- As kehu.append; in the same transaction, keys are destroyed and tags taken away of those customers whose erasure
-- is in the log then.
CREATE FUNCTION kehu.append_erasing(
    p_tenant text, p_units integer, p_expected kehu.expected[], p_absences kehu.absence[],
    p_events kehu.new_event[], p_tags kehu.new_tag[], p_commands kehu.new_command[],
    p_keys kehu.erased_key[], p_claims kehu.erased_tag[]
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
        SELECT DISTINCT k.customer_id FROM unnest(p_keys) k
         WHERE EXISTS (SELECT FROM kehu.events e
                        WHERE e.tenant = p_tenant AND e.customer_id = k.customer_id
                          AND e.name = 'PersonalDataErased'));
    INSERT INTO kehu.subject_keys
    SELECT p_tenant, k.subject FROM unnest(p_keys) k WHERE k.customer_id = ANY (erased)
        ON CONFLICT (tenant, subject) DO UPDATE SET key = NULL;
    DELETE FROM kehu.tags g
     USING unnest(p_claims) c
     WHERE c.customer_id = ANY (erased)
       AND g.tenant = p_tenant AND g.tag = c.tag AND g.position = c.position;
END $$;
