"""Networks with all that makes looking at layers difficult."""

import torch
from torch import Tensor, nn


class Awkward(nn.Module):
    """One ReLU used three times, in place; a layer that puts out a tuple, and one a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3)
        self.norm = nn.BatchNorm2d(6)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(6, 8, 3)
        self.dropout = nn.Dropout(0.5)
        self.pair = Pair()
        self.named = Named()
        self.unused = nn.Linear(2, 2)
        self.head = nn.Linear(8, 4)
        draw(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.conv1(x)))
        x = self.relu(self.conv2(x))
        x, _ = self.pair(x)
        x = self.named(x)["mean"]
        return self.relu(self.head(self.dropout(x)))

    def by_hand(self, x: Tensor) -> dict[str, Tensor]:
        """What each place puts out in evaluation mode, written as formulas."""
        seen = {"conv1": nn.functional.conv2d(x, self.conv1.weight, self.conv1.bias)}
        mean, var = (s[:, None, None] for s in (self.norm.running_mean, self.norm.running_var))
        seen["norm"] = (seen["conv1"] - mean) / (var + 1e-5).sqrt()
        seen["relu@1"] = seen["norm"].clamp_min(0)
        seen["conv2"] = nn.functional.conv2d(seen["relu@1"], self.conv2.weight, self.conv2.bias)
        seen["relu@2"] = seen["conv2"].clamp_min(0)
        seen["pair[0]"], seen["pair[1]"] = 2 * seen["relu@2"], seen["relu@2"].amax((2, 3))
        seen["named[mean]"] = seen["pair[0]"].mean((2, 3))
        seen["head"] = seen["named[mean]"] @ self.head.weight.T + self.head.bias
        seen["relu@3"] = seen["head"].clamp_min(0)
        return {name: value.detach().flatten(1) for name, value in seen.items()}


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return 2 * x, x.amax((2, 3))


class Named(nn.Module):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"mean": x.mean((2, 3)), "all": x}


class Tokens(nn.Module):
    """A small transformer, of patches of 4 × 4."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 3)
        draw(self)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return self.head(self.block(tokens).mean(1))


def draw(model: nn.Module, seed: int = 0) -> None:
    """Normal weights, and running statistics that batch normalisation would not keep."""
    generator = torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.3, generator=generator)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(0, 1, generator=generator)
            module.running_var.uniform_(1, 2, generator=generator)
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)


def pictures(
    count: int, size: int = 12, seed: int = 1, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Pixels in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, size, size, generator=generator, dtype=dtype)
