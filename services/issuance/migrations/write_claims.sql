-- Writes a batch of decided claims, whole or not at all, in one statement: a client that stops in the middle of it holds
-- no lock. Nothing is written unless every row still is as it was when the batch was decided:
--   'known'            answers with these numbers were given before, to the same key: `which`
--   'stale_claimant'   the standing of these claimants has changed: `which` of `asking`
--                      (a claimant that is not registered has the revision -1)
--   'stale_allowance'  what these years hold has changed: `which` of `holders`
--   'stale_period'     the period's quota has changed, or was closed or paused
--   'written'          all of it, the last event at `position`, the quota now at `revision`
-- `rests` and `released` are what the parts of the period's classes have left and have released after the batch, in the
-- order of the plan; null where the quota is not divided.
-- Lists of texts come as one text with U+001F between them, which JSON text cannot hold: that costs a tenth of an array.
-- The names of keys come in this order: of granted claims, in the order of their events; of those refused for good, which
-- have a status, headers and a body; of those refused for now, which are only looked up. Of a granted claim the place of its
-- event is kept: its answer is written again from there. What is kept has a name and says what was asked.
-- Plans are kept from when the tables were small: rows are asked for in ways that have no plan but the one by index.
-- Locks are taken in the order of every other transaction: claimants, allowances, quota, the log's head.
CREATE FUNCTION write_claims(
    period text, quota_revision bigint, taken bigint, granted integer, rests bigint[], released bigint[],
    asking text, standings bigint[],
    holders text, years smallint[], held bigint[], added bigint[], ceilings bigint[],
    vouchers text, owners text,
    event_type text, payloads text, metadatas text,
    end_type text, end_payload text, end_version integer,
    keys text, requests text, statuses smallint[], answer_headers text, bodies text, at timestamptz,
    OUT outcome text, OUT "position" bigint, OUT revision bigint, OUT which integer[]
)
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    names text[] := string_to_array(asking, E'\x1f');
    holder_names text[] := string_to_array(holders, E'\x1f');
    voucher_ids text[] := string_to_array(vouchers, E'\x1f');
    owner_names text[] := string_to_array(owners, E'\x1f');
    key_names uuid[] := string_to_array(keys, E'\x1f');
    asked uuid[] := string_to_array(requests, E'\x1f');
    streams text[];
    versions integer[];
    types text[];
    said text[];
    about text[];
    owned_by text[];
    first_position bigint;
BEGIN
    SELECT array_agg(a.number) INTO which
    FROM unnest(key_names) WITH ORDINALITY AS a (name, number)
    WHERE (SELECT 1 FROM kept_claims k WHERE k.name = a.name LIMIT 1) IS NOT NULL;
    IF which IS NOT NULL THEN
        outcome := 'known';
        RETURN;
    END IF;

    WITH standing AS (
        SELECT c.claimant_id, c.revision FROM claimants c WHERE c.claimant_id = ANY (names)
        ORDER BY c.claimant_id FOR SHARE
    )
    SELECT array_agg(a.number) INTO which
    FROM unnest(names, standings) WITH ORDINALITY AS a (claimant_id, revision, number)
    LEFT JOIN standing s ON s.claimant_id = a.claimant_id
    WHERE coalesce(s.revision, -1) <> a.revision;
    IF which IS NOT NULL THEN
        outcome := 'stale_claimant';
        RETURN;
    END IF;

    WITH year AS (
        SELECT w.claimant_id, w.year, w.reserved + w.spent AS counted FROM allowances w
        WHERE w.claimant_id = ANY (holder_names) AND w.year = ANY (years)
        ORDER BY w.claimant_id, w.year FOR UPDATE
    )
    SELECT array_agg(h.number) INTO which
    FROM unnest(holder_names, years, held) WITH ORDINALITY AS h (claimant_id, year, counted, number)
    LEFT JOIN year y ON y.claimant_id = h.claimant_id AND y.year = h.year
    WHERE coalesce(y.counted, 0) <> h.counted;
    IF which IS NOT NULL THEN
        outcome := 'stale_allowance';
        RETURN;
    END IF;

    IF granted > 0 THEN
        UPDATE quotas q SET remaining = q.remaining - taken, issued = q.issued + taken, claims = q.claims + granted,
            class_rests = coalesce(rests, q.class_rests), class_released = coalesce(released, q.class_released)
        WHERE q.period_id = period AND q.revision = quota_revision
            AND NOT q.closed AND NOT q.paused AND q.remaining >= taken
        RETURNING q.revision INTO revision;
        IF NOT FOUND THEN
            outcome := 'stale_period';
            RETURN;
        END IF;
        INSERT INTO allowances AS w (claimant_id, year, ceiling, reserved)
        SELECT h.claimant_id, h.year, h.ceiling, h.added
        FROM unnest(holder_names, years, added, ceilings) AS h (claimant_id, year, added, ceiling) WHERE h.added > 0
        ON CONFLICT ON CONSTRAINT allowances_pkey
        DO UPDATE SET reserved = w.reserved + excluded.reserved, ceiling = excluded.ceiling;

        streams := (SELECT array_agg('voucher-' || v.id ORDER BY v.number)
                    FROM unnest(voucher_ids) WITH ORDINALITY AS v (id, number));
        versions := array_fill(1, ARRAY[granted]);
        types := array_fill(event_type, ARRAY[granted]);
        said := string_to_array(payloads, E'\x1f');
        about := string_to_array(metadatas, E'\x1f');
        owned_by := owner_names;
        IF end_type IS NOT NULL THEN
            streams := streams || ('period-' || period);
            versions := versions || end_version;
            types := types || end_type;
            said := said || end_payload;
            about := about || about[granted];
            owned_by := owned_by || period;
        END IF;
        "position" := append_events(streams, versions, types, said, about, owned_by, at);
        first_position := "position" - cardinality(streams) + 1;
        INSERT INTO kept_claims (name, request, position)
        SELECT a.name, a.request, first_position + a.number - 1
        FROM unnest(key_names[1:granted], asked[1:granted]) WITH ORDINALITY AS a (name, request, number);
    ELSE
        revision := quota_revision;
        "position" := 0;
    END IF;

    IF cardinality(statuses) > 0 THEN
        INSERT INTO kept_claims (name, request, status, headers, body, recorded_at)
        SELECT a.name, a.request, a.status, a.headers::jsonb, convert_to(coalesce(a.body, ''), 'UTF8'), at
        FROM unnest(key_names[granted + 1:], asked[granted + 1:], statuses, string_to_array(answer_headers, E'\x1f'),
            string_to_array(bodies, E'\x1f')) AS a (name, request, status, headers, body)
        WHERE a.status IS NOT NULL;
    END IF;
    outcome := 'written';
END
$$;
