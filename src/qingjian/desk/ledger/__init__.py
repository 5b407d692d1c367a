"""The ledger in the product: frame chains, evidence bundles, receipts, and the nightly check."""
