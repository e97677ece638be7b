-- Appends events at the log's head and returns the last position.
-- The head's row is locked here, as late as possible before the commit: positions are gapless and in commit order.
-- A stream's next version must be the one after its last: the same version twice violates a unique constraint (somebody
-- else was faster), one that leaves a gap is a mistake of the caller.
-- The version before is asked for one stream at a time: a plan made while the log was short must suit a long one.
-- The chain is made link by link, the rows are written all at once: that is half the time of a row at a time.
CREATE OR REPLACE FUNCTION append_events(
    streams text[], versions integer[], types text[], payloads text[], metadatas text[], keys text[], at timestamptz
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    head log_head;
    data jsonb[] := payloads::jsonb[];
    about jsonb[] := metadatas::jsonb[];
    hashes bytea[] := '{}';
    gap record;
BEGIN
    SELECT * INTO STRICT head FROM log_head FOR UPDATE;
    SELECT new.stream, new.version INTO gap
    FROM unnest(streams, versions) AS new (stream, version)
    WHERE new.version > 1
        AND (SELECT 1 FROM events e WHERE e.stream = new.stream AND e.version = new.version - 1 LIMIT 1) IS NULL
        AND NOT EXISTS (SELECT FROM unnest(streams, versions) AS other (stream, version)
                        WHERE other.stream = new.stream AND other.version = new.version - 1)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'version % of % would leave a gap', gap.version, gap.stream USING ERRCODE = '23514';
    END IF;
    FOR i IN 1 .. cardinality(streams) LOOP
        head.hash := event_hash(
            head.hash, head.position + i, streams[i], versions[i], types[i], data[i], about[i], keys[i], at
        );
        hashes[i] := head.hash;
    END LOOP;
    INSERT INTO events (position, stream, version, type, data, metadata, key, recorded_at, hash)
    SELECT head.position + new.number, new.stream, new.version, new.type, new.data, new.about, new.key, at, new.hash
    FROM unnest(streams, versions, types, data, about, keys, hashes)
        WITH ORDINALITY AS new (stream, version, type, data, about, key, hash, number)
    ORDER BY new.number;
    head.position := head.position + cardinality(streams);
    UPDATE log_head SET position = head.position, hash = head.hash;
    PERFORM pg_notify('cxq_events', '');
    RETURN head.position;
END
$$;
