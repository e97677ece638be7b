"""Parts of CXQ against a real PostgreSQL and a real Kafka."""
