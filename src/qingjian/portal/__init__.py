"""Pages that are open to everybody: the public log of the ledger and how to check it."""
