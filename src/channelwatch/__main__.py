"""``python -m channelwatch`` is the command line."""

from channelwatch.cli import main

main()
