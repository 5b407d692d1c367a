"""Business events on their way into the ledger, written in the transaction of the record they are about."""
