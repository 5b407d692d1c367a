"""The ledger of a node on disk: sequencer, shards, witnesses, evidence bundles. See README.md."""
