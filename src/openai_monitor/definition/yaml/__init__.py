"""YAML with positions, under limits: trees of nodes, what is wrong with a text, and scalars as they were written."""
