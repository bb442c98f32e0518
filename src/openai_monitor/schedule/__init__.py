"""Rounds on a schedule, whoever brought the monitors: their times, pace, secrets, health, events and log lines."""
