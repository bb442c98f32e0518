"""History: what was collected, in one SQLite file. ``docs/history.md`` describes the file.

``writer`` is the sink that fills it, ``queries`` reads it while it is being filled, ``retention`` condenses and
drops what is old. Nobody else writes to the file.
"""
