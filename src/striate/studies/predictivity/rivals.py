"""Another network's result, to compare with."""

from pathlib import Path

from striate import results
from striate.study.predictivity import Rival, rival_of


def read_rival(path: Path) -> Rival:
    """Read a network at its best layer from a result file and its arrays.

    Raises
    ------
    ValueError
        If there is no such file, or it holds something else.
    """
    if not path.is_file():
        raise ValueError(f"against={str(path)!r} is no file; name a result of this study")
    record = results.read_record(path)
    try:
        rival = rival_of(results.load(path), results.load_arrays(path))
    except ValueError as error:
        raise ValueError(f"against={str(path)!r}: {error}") from error
    # Networks of one name may differ in their weights: of the file, too, it is said which.
    name = f"{rival.name} {record['sha256'][:12]}"
    # Results from before the seed was written say it in their task only.
    return rival._replace(
        name=name, settings={**rival.settings, "seed": record["task"].get("seed")}
    )
