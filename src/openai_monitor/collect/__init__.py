"""One collection: a definition and parameters become metric sets with rows."""
