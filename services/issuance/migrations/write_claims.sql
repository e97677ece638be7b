-- Writes a batch of decided claims, whole or not at all, in one statement: a client that stops in the middle of it holds
-- no lock. Nothing is written unless every row still is as it was when the batch was decided:
--   'known'            answers with these numbers were given before, to the same key: `which`
--   'stale_claimant'   the standing of these claimants has changed: `which` of `asking`
--   'stale_allowance'  what these years hold has changed: `which` of `holders`
--   'stale_period'     the period's quota has changed, or was closed
--   'written'          all of it, the last event at `position`, the quota now at `revision`
--   (a claimant that is not registered has the revision -1)
-- Keys beyond the statuses are only looked up: their claims are refused for now, which is not kept.
-- The answers of the granted claims come first, in the order of their events, each of which is its answer's position.
-- Locks are taken in the order of every other transaction: claimants, allowances, quota, the log's head.
CREATE FUNCTION write_claims(
    period text, quota_revision bigint, taken bigint, granted integer,
    asking text[], standings bigint[],
    holders text[], years smallint[], held bigint[], added bigint[], ceilings bigint[],
    vouchers text[], owners text[], deadline_kind text, due timestamptz[],
    streams text[], versions integer[], types text[], payloads text[], metadatas text[], keys text[],
    principals text[], operation_name text, answer_keys text[], hashes bytea[], statuses smallint[], answer_headers text[],
    bodies bytea[], at timestamptz,
    OUT outcome text, OUT "position" bigint, OUT revision bigint, OUT which integer[]
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    SELECT array_agg(a.number) INTO which
    FROM unnest(principals, answer_keys) WITH ORDINALITY AS a (principal, key, number)
    JOIN idempotency i ON i.principal = a.principal AND i.operation = operation_name AND i.key = a.key;
    IF which IS NOT NULL THEN
        outcome := 'known';
        RETURN;
    END IF;

    WITH standing AS (
        SELECT c.claimant_id, c.revision FROM claimants c WHERE c.claimant_id = ANY (asking)
        ORDER BY c.claimant_id FOR SHARE
    )
    SELECT array_agg(a.number) INTO which
    FROM unnest(asking, standings) WITH ORDINALITY AS a (claimant_id, revision, number)
    LEFT JOIN standing s ON s.claimant_id = a.claimant_id
    WHERE coalesce(s.revision, -1) <> a.revision;
    IF which IS NOT NULL THEN
        outcome := 'stale_claimant';
        RETURN;
    END IF;

    WITH year AS (
        SELECT w.claimant_id, w.year, w.reserved + w.spent AS counted FROM allowances w
        JOIN unnest(holders, years) AS h (claimant_id, year) ON h.claimant_id = w.claimant_id AND h.year = w.year
        ORDER BY w.claimant_id, w.year FOR UPDATE OF w
    )
    SELECT array_agg(h.number) INTO which
    FROM unnest(holders, years, held) WITH ORDINALITY AS h (claimant_id, year, counted, number)
    LEFT JOIN year y ON y.claimant_id = h.claimant_id AND y.year = h.year
    WHERE coalesce(y.counted, 0) <> h.counted;
    IF which IS NOT NULL THEN
        outcome := 'stale_allowance';
        RETURN;
    END IF;

    IF granted > 0 THEN
        UPDATE quotas q SET remaining = q.remaining - taken, issued = q.issued + taken, claims = q.claims + granted
        WHERE q.period_id = period AND q.revision = quota_revision AND NOT q.closed AND NOT q.paused AND q.remaining >= taken
        RETURNING q.revision INTO revision;
        IF NOT FOUND THEN
            outcome := 'stale_period';
            RETURN;
        END IF;
        INSERT INTO allowances AS w (claimant_id, year, ceiling, reserved)
        SELECT h.claimant_id, h.year, h.ceiling, h.added
        FROM unnest(holders, years, added, ceilings) AS h (claimant_id, year, added, ceiling) WHERE h.added > 0
        ON CONFLICT ON CONSTRAINT allowances_pkey
        DO UPDATE SET reserved = w.reserved + excluded.reserved, ceiling = excluded.ceiling;
        INSERT INTO deadlines (kind, subject, due_at) SELECT deadline_kind, d.* FROM unnest(vouchers, due) AS d;
        INSERT INTO holdings (claimant_id, voucher_id) SELECT * FROM unnest(owners, vouchers) AS o;
        "position" := append_events(streams, versions, types, payloads, metadatas, keys, at);
    ELSE
        revision := quota_revision;
        "position" := 0;
    END IF;

    INSERT INTO idempotency (principal, operation, key, request_hash, status, headers, body, recorded_at)
    SELECT a.principal, operation_name, a.key, a.hash, a.status,
        CASE WHEN a.number <= granted
            THEN a.headers::jsonb || jsonb_build_object(
                'Event-Position', ("position" - cardinality(streams) + a.number)::text)
            ELSE a.headers::jsonb
        END,
        a.body, at
    FROM unnest(principals, answer_keys, hashes, statuses, answer_headers, bodies)
        WITH ORDINALITY AS a (principal, key, hash, status, headers, body, number)
    WHERE a.status IS NOT NULL;
    outcome := 'written';
END
$$;
