"""Put a spectral penalty into a PyTorch Lightning module.

Needs ``pip install lightning``. Run it: ``python examples/penalty_with_lightning.py`` (about ten
seconds).
"""

import lightning
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from striate.datasets import digits
from striate.layers import capture
from striate.spectra import SpectralPenalty


class Classifier(lightning.LightningModule):
    def __init__(self, beta: float) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Flatten(), nn.Linear(64, 200), nn.Tanh(), nn.Linear(200, 10))
        # A submodule: it moves to the model's device, and its memory goes into checkpoints.
        self.penalty = SpectralPenalty(alpha=1.0, beta=beta, ranks=(6, 50))

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        images, labels = batch
        with capture(self.model, "2") as hidden:  # "2" is the tanh
            logits = self.model(images)
            found = self.penalty.measure(hidden())
        self.log("alpha", found.alpha)
        return cross_entropy(logits, labels) + found.penalty

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def trained(beta: float) -> tuple[Classifier, float]:
    """Return the trained module, and α of its last batch."""
    lightning.seed_everything(0, verbose=False)
    train = digits("train")
    loader = DataLoader(
        TensorDataset(train.images, train.labels), batch_size=479, shuffle=True, drop_last=True
    )
    trainer = lightning.Trainer(
        max_epochs=40,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = Classifier(beta)
    trainer.fit(module, loader)
    return module, trainer.callback_metrics["alpha"].item()


def main() -> None:
    test, alphas = digits("test"), {}
    for beta in (0.0, 1.0):
        module, alphas[beta] = trained(beta)
        with torch.no_grad():
            correct = (module.model(test.images).argmax(1) == test.labels).float().mean()
        print(f"β = {beta:g}: α = {alphas[beta]:.2f}, accuracy {correct:.3f}")
        assert int(module.penalty.step) == 120
    assert abs(alphas[1.0] - 1) < 0.1 < abs(alphas[0.0] - 1)


if __name__ == "__main__":
    main()
