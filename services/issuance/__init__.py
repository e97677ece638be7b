"""Issuance owns the money that can be claimed: the periods' quotas, the claimants' allowances, the vouchers' lives.

Streams     `period-prd_…` (plan, approval, opening, pauses, exhaustion, closing, returned quota), `voucher-vch_…` (from
            the claim to the payment or any other end), `contract-ctr_…` (why a contract's vouchers were refused),
            `quota-prd_…` (the money put at a period's disposal and taken from it again).
Publishes   PeriodProposed, PeriodPlanChanged, PeriodWithdrawn, PeriodApproved, PeriodAnnounced, PeriodOpened,
            PeriodPaused, PeriodResumed, PeriodExhausted, PeriodClosed, QuotaGranted, QuotaWithdrawn, QuotaReturned,
            VoucherClaimed, VoucherCancelled, VoucherCommitted, VoucherCommitmentRefused, VoucherCommitmentReleased,
            VoucherUsed, VoucherExpired, VoucherLapsed, VoucherRevoked, VoucherRedeemed.
Consumes    from registry who may claim and who is banned; from contracts what vouchers pay for and what became of it;
            from redemption what was paid, refused or never applied for.
Decides by  its own rows `quotas` and `allowances`, locked and changed in the event's transaction; no read model does.
"""
