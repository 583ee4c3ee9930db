"""What each table holds: columns, keys, units, meanings and the status of a value."""
