"""What a study leaves behind: `Score` and `Curve`, written once as small JSON files.

A result file is the list of scores and curves of one task. It is written atomically, carries a
checksum of its content, and can be copied, merged and diffed. What is too long for JSON, such as
numbers per unit, lies in an ``.npz`` beside it. Reading needs no torch.
"""

from striate.results.damage import Verified, set_aside, verify
from striate.results.exporting import FORMATS, export, long_table
from striate.results.files import FORMAT, digest, remove, save, write_atomically
from striate.results.layers import layers_of, spelled_layers
from striate.results.merging import Merged, merge
from striate.results.nouns import Curve, Result, Score, Setting
from striate.results.reading import (
    DamagedError,
    Whole,
    check,
    load,
    load_all,
    load_arrays,
    load_whole,
    paths,
    read_record,
)

__all__ = [
    "FORMAT",
    "FORMATS",
    "Curve",
    "DamagedError",
    "Merged",
    "Result",
    "Score",
    "Setting",
    "Verified",
    "Whole",
    "check",
    "digest",
    "export",
    "layers_of",
    "load",
    "load_all",
    "load_arrays",
    "load_whole",
    "long_table",
    "merge",
    "paths",
    "read_record",
    "remove",
    "save",
    "set_aside",
    "spelled_layers",
    "verify",
    "write_atomically",
]
