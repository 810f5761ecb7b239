"""What pages show, read straight from the tables: one module per reader, no model in between."""
