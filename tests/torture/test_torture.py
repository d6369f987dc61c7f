"""A short form of the torture; ``make torture`` runs the long one."""

from pathlib import Path

from .harness import Torture


async def test_kills_at_random_points_under_faults_lose_and_double_nothing(tmp_path: Path) -> None:
    seed = 7
    result = await Torture(tmp_path, seed).run(kills=4)
    assert result.good, f"seed {seed}: {result}"
    assert result.posts > 50
    assert result.expected_alerts > 5
