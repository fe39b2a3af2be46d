"""A linear map from the features of a layer to the responses of neurons."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from striate.predictivity.checks import check_floats


class LinearMap(NamedTuple):
    """Predicts ``features @ coefficients + intercept``.

    Attributes
    ----------
    coefficients
        In the units of the features and responses it was fitted to, whatever was scaled inside.
    intercept
        What is predicted where all features are zero.
    """

    coefficients: Float[Tensor, "features neurons"]
    intercept: Float[Tensor, " neurons"]

    def predict(self, features: Float[Tensor, "stimuli features"]) -> Tensor:
        """Predict the responses (stimuli × neurons) to other stimuli.

        Raises
        ------
        ValueError
            If these are not the features the map was fitted to.
        """
        check_floats("features", features, "stimuli × features")
        if features.shape[1] != len(self.coefficients):
            raise ValueError(
                f"features has {features.shape[1]} of them, the map was fitted to "
                f"{len(self.coefficients)}"
            )
        return features.to(self.coefficients) @ self.coefficients + self.intercept
