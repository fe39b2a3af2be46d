"""Find a module's layers by name, and look at what they put out.

Every hook set here is removed when its ``with`` block ends, whatever happened inside it.
"""

from striate.layers.axes import channel_axis
from striate.layers.capturing import capture
from striate.layers.module import check_module, fingerprint, run
from striate.layers.names import find, match
from striate.layers.places import Place, inwards, of_call, places, select, wrong_call
from striate.layers.weights import first_weight

__all__ = [
    "Place",
    "capture",
    "channel_axis",
    "check_module",
    "find",
    "fingerprint",
    "first_weight",
    "inwards",
    "match",
    "of_call",
    "places",
    "run",
    "select",
    "wrong_call",
]
