"""A Telegram data centre on loopback with a scripted world: for the demo, tests and rehearsals."""
