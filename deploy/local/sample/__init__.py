"""The sample register: invented companies, teams, providers and facilities for demonstrations and tests."""
