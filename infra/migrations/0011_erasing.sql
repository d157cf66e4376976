-- Which keys and tags go with a customer's personal data is read before the head is locked. Where somebody has told
-- more about the customer meanwhile, such as of which lead the customer was, it is read again: the error says so.
DROP FUNCTION kehu.append_erasing;

-- As kehu.append; in the same transaction, keys are destroyed and tags taken away of those customers whose erasure
-- is in the log then. Raises where there are events about one of them after p_seen.
CREATE FUNCTION kehu.append_erasing(
    p_tenant text, p_units integer, p_expected kehu.expected[], p_absences kehu.absence[],
    p_events kehu.new_event[], p_tags kehu.new_tag[], p_commands kehu.new_command[],
    p_keys kehu.erased_key[], p_claims kehu.erased_tag[], p_seen bigint
) RETURNS TABLE (unit integer, why text, subject text, found bigint, "at" timestamptz, fingerprint bytea,
                 version integer, events integer)
LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    erased text[];
BEGIN
    PERFORM FROM kehu.heads h WHERE h.tenant = p_tenant FOR UPDATE;
    IF EXISTS (SELECT FROM (SELECT DISTINCT k.customer_id FROM unnest(p_keys) k) c
                WHERE EXISTS (SELECT FROM kehu.events e
                               WHERE e.tenant = p_tenant AND e.customer_id = c.customer_id
                                 AND e.position > p_seen)) THEN
        RAISE EXCEPTION 'more was told about who is erased meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;

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
