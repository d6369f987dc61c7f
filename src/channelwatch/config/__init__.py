"""Reading and checking what people wrote: TOML and .env in, one checked `Config` or every problem at once out."""
