"""Money owed and paid: use cases."""
