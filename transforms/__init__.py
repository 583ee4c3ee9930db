"""Pure table-to-table rules: no disk, no clock, no orchestrator."""
