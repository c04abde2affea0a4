"""The ledger as pure functions of values: what an outsider could run. No Django, no files, no clock.

Hashing is RFC 6962 section 2.1 (kept by RFC 9162), notes, checkpoints, tiles and proofs are those of C2SP. Verifiers raise
`LedgerError` or return nothing.
"""
