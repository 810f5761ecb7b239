"""Money owed and paid: rules and facts."""
