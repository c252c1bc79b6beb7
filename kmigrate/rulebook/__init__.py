"""The migration knowledge: rules as data."""
