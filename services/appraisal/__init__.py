"""Appraisal (绩效考核): the yearly round in which providers' openness is judged (art. 11, 14).

Owns the rounds: proposed by one officer, opened by another. The procedure after that is not part of it yet.
Streams: `round-rnd_…`, one a year.
Publishes every event of `shared/events/appraisal.py`, keyed by round.
Consumes, for each provider's service records of a year: listings and facilities from the registry, contracts registered
and completed from contracts, money paid from redemption. The figures are taken from these facts, never typed in.
"""
