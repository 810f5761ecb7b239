"""One class per stage: activities adapt between workflow, database and outside systems, and never decide."""
