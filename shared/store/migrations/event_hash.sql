-- The link of the hash chain: SHA-256 over the previous hash and every column, separated by U+001F, which JSON text cannot hold.
-- Called stable, as what it calls is: so it is made part of the expression that asks for it, which is a tenth of an append.
CREATE FUNCTION event_hash(
    previous bytea, place bigint, stream text, version integer, type text, payload jsonb, about jsonb, key text, at timestamptz
) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(previous || convert_to(concat_ws(
        E'\x1f', place, stream, version, type, payload::text, about::text, key, (extract(epoch FROM at) * 1000000)::bigint
    ), 'UTF8'))
$$;
