import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from striate.results import FORMATS, Curve, Score, export, long_table, save
from striate.results.exporting import dataset

ERROR = {"error": "sd over batches"}


@pytest.fixture
def folder(tmp_path):
    results = tmp_path / "results"
    for seed in (1, 2):
        save(
            results / "s" / f"cell-{seed}.json",
            [
                Score("alpha", 1.5 * seed, 0.1, "net", {"layer": "hidden", "last": True} | ERROR),
                Score("accuracy", 0.9, source="net", settings={"on": "test", "name": "é"}),
                Curve("spectrum", (1.0, 2.0, 3.0)[: 1 + seed], (0.5, 0.3, 0.2)[: 1 + seed]),
                Curve("band", (0.0,), (1.0,), (0.25,), settings=ERROR),
            ],
            task={
                "study": "s",
                "seed": seed,
                "beta": seed if seed == 1 else 0.5,
                "mixed": [1, "a"][seed - 1],
                "width": None if seed == 1 else 70,
                "big": 2**70,
            },
            provenance={},
        )
    return results


def test_one_row_per_score_and_per_point(folder):
    table = long_table(folder)
    assert len(table) == 2 + 2 + (2 + 3) + 2
    assert list(table)[:7] == ["kind", "name", "x", "value", "error", "source", "file"]
    alpha = table[table["name"] == "alpha"]
    assert alpha["value"].tolist() == [1.5, 3.0]
    assert alpha["seed"].tolist() == [1, 2]
    assert alpha["error"].tolist() == [0.1, 0.1]
    assert alpha["error_kind"].tolist() == ["sd over batches"] * 2
    assert alpha["layer"].tolist() == ["hidden"] * 2
    assert alpha["last"].tolist() == [True, True]
    assert alpha["x"].isna().all()
    assert alpha["file"].tolist() == ["s/cell-1.json", "s/cell-2.json"]
    curve = table[(table["name"] == "spectrum") & (table["seed"] == 2)]
    assert curve["x"].tolist() == [1, 2, 3]
    assert curve["value"].tolist() == [0.5, 0.3, 0.2]
    assert table[table["name"] == "band"]["error"].tolist() == [0.25, 0.25]
    assert table[table["name"] == "accuracy"]["setting_name"].tolist() == ["é", "é"]


def test_a_column_has_one_type(folder):
    table = long_table(folder)
    types = {name: str(table[name].dtype) for name in table}
    assert types["value"] == types["x"] == types["error"] == types["beta"] == "float64"
    assert types["seed"] == types["width"] == "Int64"
    assert types["last"] == "boolean"
    assert table["width"].dropna().unique().tolist() == [70]
    assert set(table["mixed"]) == {"1", "a"}
    assert set(table["big"]) == {str(2**70)}


def test_a_whole_number_keeps_its_digits_beside_a_fraction(tmp_path):
    for name, n in (("a", 2**53 + 1), ("b", 0.5)):
        save(tmp_path / f"{name}.json", [Score("alpha", 1.0)], task={"n": n}, provenance={})
    assert long_table(tmp_path)["n"].tolist() == [str(2**53 + 1), "0.5"]


def test_a_result_says_better_than_its_task_what_it_is_of(tmp_path):
    one = Score("alpha", 1.0, settings={"layer": "conv"})
    save(tmp_path / "a.json", [one], task={"layer": "**", "seed": 1}, provenance={})
    table = long_table(tmp_path)
    assert (table["layer"].tolist(), table["seed"].tolist()) == (["conv"], [1])


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_table_comes_back_as_it_was(folder, tmp_path, ending):
    file = tmp_path / "deep" / f"all{ending}"
    for _ in range(2):  # what is there is replaced
        export(folder, file)
    read = pd.read_csv if ending == ".csv" else pd.read_parquet
    table, found = long_table(folder), read(file)
    assert list(found) == list(table)
    pd.testing.assert_frame_equal(
        found[["x", "value", "error"]], table[["x", "value", "error"]], check_exact=ending != ".csv"
    )
    assert found["seed"].tolist() == table["seed"].tolist()
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.stat().st_mode & 0o777 == 0o644


def test_what_is_missing_has_no_value_and_counts_in_no_mean(tmp_path):
    """Such a score says why a number is not there: 0 would be one."""
    gone = Score("missing", 0.0, settings={"quantity": "alpha", "reason": "left out"})
    save(tmp_path / "r" / "row.json", [gone, Score("alpha", 1.5)], task={}, provenance={})
    table = long_table(tmp_path / "r")
    assert table.set_index("name")["value"].isna().to_dict() == {"missing": True, "alpha": False}
    assert table["reason"].tolist()[0] == "left out"
    for ending in (".csv", ".parquet"):
        export(tmp_path / "r", tmp_path / f"all{ending}")
        found = duckdb.sql(f"SELECT avg(value), count(value) FROM '{tmp_path}/all{ending}'")
        assert found.fetchall() == [(1.5, 1)]
    values = dataset(tmp_path / "r")["value"].values
    np.testing.assert_array_equal(values, [np.nan, 1.5])


def test_netcdf_has_results_and_points_as_dimensions(folder, tmp_path):
    export(folder, tmp_path / "all.nc")
    with xr.open_dataset(tmp_path / "all.nc", engine="h5netcdf") as found:
        found.load()
    assert dict(found.sizes) == {"result": 8, "point": 3}
    xr.testing.assert_allclose(found, dataset(folder))
    alpha = found.where(found["name"] == "alpha", drop=True)
    assert alpha["value"].values.tolist() == [1.5, 3.0]
    assert alpha["seed"].values.tolist() == [1, 2]
    curves = found.where(found["name"] == "spectrum", drop=True)
    np.testing.assert_array_equal(curves["y"].values, [[0.5, 0.3, np.nan], [0.5, 0.3, 0.2]])
    np.testing.assert_array_equal(curves["x"].values, [[1, 2, np.nan], [1, 2, 3]])
    assert curves["value"].isnull().all()
    band = found.where(found["name"] == "band", drop=True)
    assert band["y_error"].values[0, 0] == 0.25


def test_duckdb_reads_the_table_and_the_results_themselves(folder, tmp_path):
    export(folder, tmp_path / "all.parquet")
    table = tmp_path / "all.parquet"
    asked = f"SELECT name, avg(value) FROM '{table}' WHERE kind = 'Score' GROUP BY ALL ORDER BY 1"
    assert duckdb.sql(asked).fetchall() == [("accuracy", 0.9), ("alpha", 2.25)]


def test_scores_alone_have_no_points(tmp_path):
    save(tmp_path / "r" / "a.json", [Score("a", 1.0)], task={}, provenance={})
    assert dict(dataset(tmp_path / "r").sizes) == {"result": 1, "point": 0}
    for ending in FORMATS:
        export(tmp_path / "r", tmp_path / f"a{ending}")


@pytest.mark.parametrize(("name", "said"), [
    ("all.xlsx", r"file='.*all\.xlsx' ends in none of \.csv, \.parquet, \.nc"),
    ("all", "ends in none of"),
])  # fmt: skip
def test_another_ending_is_refused(folder, tmp_path, name, said):
    with pytest.raises(ValueError, match=said):
        export(folder, tmp_path / name)


def test_whoever_has_the_last_table_open_keeps_it_whole(folder, tmp_path):
    """It is another file that takes the name, all at once."""
    file, twin = tmp_path / "all.csv", tmp_path / "twin.csv"
    file.write_text("of last week\n")
    os.link(file, twin)
    export(folder, file)
    assert twin.read_text() == "of last week\n"
    assert len(pd.read_csv(file)) == len(long_table(folder))


def test_nothing_and_damage_are_refused_and_leave_no_file(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no results in .*empty; there is nothing to export"):
        export(tmp_path / "empty", tmp_path / "out" / "all.csv")
    (folder / "s" / "cell-1.json").write_text("{}")
    with pytest.raises(ValueError, match=r"cell-1\.json is not a result file"):
        export(folder, tmp_path / "out" / "all.csv")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(("ending", "package"), [(".parquet", "pyarrow"), (".nc", "xarray")])
def test_a_package_that_is_missing_is_named(folder, tmp_path, ending, package):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "class Missing:\n"
        "    def find_spec(name, path=None, target=None):\n"
        f"        if name.split('.')[0] == '{package}': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing)\n"
        "from striate.results import export\n"
        f"export(Path({str(folder)!r}), Path({str(tmp_path / 'out' / ('a' + ending))!r}))"
    )
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert asked.stderr.splitlines()[-1].startswith(f"ValueError: {ending} needs packages")
    assert "pip install 'striate[export]'" in asked.stderr
    assert list((tmp_path / "out").iterdir()) == []


PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"


def test_the_page_on_reliability_reads_its_results_with_three_libraries(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(snippet, names)
    assert names["table"]["seed"].tolist() == [1, 2]
    assert names["means"] == [("alpha", pytest.approx(1.15))]
    assert names["alphas"].tolist() == [1.1, 1.2]


def test_the_line_of_duckdb_on_that_page_runs(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    export(folder, Path("all.parquet"))
    (line,) = re.findall(r'^duckdb -c "(.*)"$', PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(duckdb.sql(line).fetchall()) == [("accuracy", 0.9), ("alpha", 2.25)]
