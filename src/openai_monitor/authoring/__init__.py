"""The tools of a definition's author: checking files, trying them on saved answers, drafting new ones."""
