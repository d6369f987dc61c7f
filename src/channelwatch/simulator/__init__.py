"""A Telegram data centre on loopback: real MTProto, a scripted world, and faults on request.

``DataCentre`` (in ``server``) serves a ``World``; ``scenario`` plays a WORLD.toml. It is for demos, tests and
rehearsals: the key it answers with is public, so nothing secret belongs in it.
"""
