"""Policy documents: rules that people change, as versioned documents with a schema."""
