"""How light a reading command starts: CPU time of ``search "exact phrase"`` against ``python -c 'import telethon'``.

    python benchmarks/startup.py [ROUNDS]

Both are whole processes, interpreter included, interleaved; the figure is the ratio of median CPU times
(user + system). The goal is at most a third.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from channelwatch.archive.file import Archive


def cpu_seconds(command: list[str], folder: Path) -> float:
    """Run a process and return the CPU time it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the medians and their ratio."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Archive(folder / "a.db").open_writer().close()
        python = sys.executable
        (folder / "config").mkdir()
        (folder / "config" / "channelwatch.toml").write_text(f'[archive]\nfile = "{folder / "a.db"}"\n')
        search = [python, "-m", "channelwatch", "search", '"exact phrase"']
        commands = {
            "interpreter": [python, "-c", "pass"],
            "search": search,
            "search --archive": [*search, "--archive", "a.db"],
            "import telethon": [python, "-c", "import telethon"],
        }
        times: dict[str, list[float]] = {key: [] for key in commands}
        for _ in range(rounds):
            for key, command in commands.items():
                times[key].append(cpu_seconds(command, folder))
    medians = {key: statistics.median(values) for key, values in times.items()}
    for key, value in medians.items():
        print(f"{key:<16} {value * 1000:6.0f} ms CPU")
    for key in ("search", "search --archive"):
        print(f"{key} / import telethon: {medians[key] / medians['import telethon']:.2f} (goal: at most 0.33)")


if __name__ == "__main__":
    main()
