"""The way of a claim: it arrives, waits in line, is decided in a batch, is durable, and is answered.

Requests are stamped in the order of their arrival and wait. One writer a period takes all that wait, decides them in
that order, purely, on its copy of the period and of exactly those claimants (`book`), and writes the whole batch with
one statement (`writing`) that fails as a whole when any copy was stale. While a batch is being written, the next one
collects: there is no timer. docs/claim-path.md tells it with a picture.
"""
