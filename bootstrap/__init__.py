"""The composition root: settings are read once here, and everything that runs is found, started or built here."""
