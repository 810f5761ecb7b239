"""Money owed and paid: pages."""
