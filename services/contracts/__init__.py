"""Contracts: projects, their confirmation, and the service contracts that vouchers pay part of.

Owns projects, contracts and their amounts, and whether a contract was completed while its vouchers were valid.
Streams: `project-prj_…` (proposed, then confirmed or declined) and `contract-ctr_…` (submitted, then registered or
rejected; registered, then completed or lapsed). All events are keyed by the claimant.
Publishes: ProjectProposed, ProjectConfirmed, ProjectDeclined, ContractSubmitted, ContractRegistered, ContractRejected,
ContractCompleted, ContractLapsed.
Consumes: registry's claimants and their users, providers, services and sanctions, as local copies that decide who may
act; issuance's VoucherClaimed for its day, VoucherCommitted and VoucherCommitmentRefused, which answer a submitted
contract.
Waits: ten minutes for that answer, and until the vouchers' validity ends for the completion.
"""
