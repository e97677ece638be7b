"""Registry (主体登记): who takes part, with what, and in which standing.

Owns claimants with their users and profiles, providers and their applications, facilities, services, experts, and the
measures of art. 17.
Owns besides the changes of the rules, certified new products, partners' lists, channels and office users.
Streams: `claimant-clm_…`, `provider-prv_…`, `facility-fac_…`, `service-svc_…`, `expert-exp_…`, `sanction-snc_…`.
Publishes every event of `shared/events/registry/`, keyed by the party it is about.
Consumes nothing: the others follow it.
Names, credit codes and members stay in its own tables; events carry ids, public facts and a salted digest.
"""
