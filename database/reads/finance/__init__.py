"""Money owed and paid: what pages show."""
