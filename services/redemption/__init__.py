"""Redemption (兑现): from a completed contract to the money.

Owns the redemption of each contract: its evidence, review, public notice and payment; what is payable, approved, paid.
Streams: `redemption-rdm_…`, one a contract.
Publishes every event of `shared/events/redemption.py`, keyed by provider.
Consumes from contracts that a contract is completed (the window of art. 15(3) opens), from issuance that a voucher was
revoked, and from the registry experts and standing.
"""
