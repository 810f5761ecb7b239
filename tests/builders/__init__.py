"""The worlds that tests stand in and the rows that they stand on."""
