"""PostgreSQL, Kafka and the five services as child processes of one machine."""
