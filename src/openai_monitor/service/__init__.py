"""Many monitors on a schedule, for months, on one small machine."""
