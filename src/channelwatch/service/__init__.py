"""The daemon: wiring, jobs, health, signals."""
