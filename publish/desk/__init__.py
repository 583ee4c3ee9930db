"""The desk: where data checkers decide, the ledger of what they decided, and the gate that waits for them."""
