"""Refusals by area; importing this package registers every refusal: rules and facts."""
