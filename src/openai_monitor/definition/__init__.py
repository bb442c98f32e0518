"""The language: a YAML file becomes a checked definition, its small languages become closures."""
