"""Measurements that speak in scores and curves, and the runner that does each task once."""

from striate.study.failures import Failed
from striate.study.measurements import accuracy, attack_curve, layer_alpha, layer_spectrum
from striate.study.run import Finished, Measured, Task, path_of, run

__all__ = [
    "Failed",
    "Finished",
    "Measured",
    "Task",
    "accuracy",
    "attack_curve",
    "layer_alpha",
    "layer_spectrum",
    "path_of",
    "run",
]
