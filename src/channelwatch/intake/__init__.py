"""What to ask Telegram next and what an answer means: pure, no I/O, the clock a parameter."""
