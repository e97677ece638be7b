"""Read models: each a pure `evolve`, a table and its queries, fed from Kafka and rebuilt from it."""
