-- Appends events at the log's head and returns the last position.
-- The head's row is locked here, as late as possible before the commit: positions are gapless and in commit order.
-- A stream's next version must be the one after its last: the same version twice violates a unique constraint (somebody
-- else was faster), one that leaves a gap is a mistake of the caller.
CREATE FUNCTION append_events(
    streams text[], versions integer[], types text[], payloads text[], metadatas text[], keys text[], at timestamptz
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    head log_head;
    payload jsonb;
    about jsonb;
BEGIN
    SELECT * INTO STRICT head FROM log_head FOR UPDATE;
    FOR i IN 1 .. cardinality(streams) LOOP
        IF versions[i] > 1 AND NOT EXISTS (
            SELECT FROM events e WHERE e.stream = streams[i] AND e.version = versions[i] - 1
        ) THEN
            RAISE EXCEPTION 'version % of % would leave a gap', versions[i], streams[i] USING ERRCODE = '23514';
        END IF;
        payload := payloads[i]::jsonb;
        about := metadatas[i]::jsonb;
        head.position := head.position + 1;
        head.hash := event_hash(head.hash, head.position, streams[i], versions[i], types[i], payload, about, keys[i], at);
        INSERT INTO events (position, stream, version, type, data, metadata, key, recorded_at, hash)
        VALUES (head.position, streams[i], versions[i], types[i], payload, about, keys[i], at, head.hash);
    END LOOP;
    UPDATE log_head SET position = head.position, hash = head.hash;
    PERFORM pg_notify('cxq_events', '');
    RETURN head.position;
END
$$;
