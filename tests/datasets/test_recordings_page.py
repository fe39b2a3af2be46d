"""What docs/recordings.md shows runs, on made-up files of the names it uses."""

import re
from pathlib import Path

import numpy as np
import test_cadena2019
import test_folders
import test_henaff2021
import test_nwb
import test_stringer2019
from scipy.io import savemat

RED = np.arange(50) % 5 == 0
PAGE = (Path(__file__).parents[2] / "docs" / "recordings.md").read_text(encoding="utf-8")


def test_every_example_on_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(test_stringer2019, "CELLS", 50)
    populations = {"responses_ay3_u002": test_henaff2021.A, "responses_b": test_henaff2021.B}
    rest = {key: value for key, value in test_henaff2021.CONTENT.items() if "responses" not in key}
    np.savez("henaff2021_macaque_v1.npz", **rest, **populations)
    test_stringer2019.write(
        Path("natimg2800_M170717_MP033_2017-08-20.mat"), test_stringer2019.session(), RED
    )
    savemat("images_natimg2800_all.mat", {"imgs": np.zeros((6, 8, test_stringer2019.IMAGES))})
    test_cadena2019.write(Path("cadena_ploscb_data.pkl"), test_cadena2019.dataset())
    test_nwb.write(Path("session.nwb"))
    for index in range(30):
        pixels = test_folders.picture(40, 30)
        test_folders.save(Path(f"imagenet/val/n{index % 3}/{index}.png"), pixels)
    names = {}
    snippets = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(snippets) == 7
    for snippet in snippets:
        exec(snippet, names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == [
        "torch.Size([4, 100, 30]) ('every trial recorded',)",
        "('left', 'right')",
    ]
    assert printed[-1] == "torch.Size([4, 3, 224, 224]) ()"
    assert names["both"].responses.tensor.shape[2] == 7
    assert names["one"].responses.tensor.shape[2] == 2
    assert names["mouse"].images.shape[0] == len(names["mouse"].kept)
    assert names["each"].responses.tensor.shape[2] == 40
    assert names["shown"].image_ids == ("a", "b", "c")


def test_the_table_of_the_schema_names_what_is_read():
    rows = re.findall(r"^\| `(\w+)(?:<population>)?` \| \(", PAGE, re.MULTILINE)
    assert rows == ["responses", "responses_", "images", "image_ids"]


def test_the_licence_that_forbids_passing_on_is_stated():
    assert "CC BY-NC-ND" in PAGE
    assert "contact the authors" in PAGE
