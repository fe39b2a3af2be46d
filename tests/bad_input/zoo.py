"""Wrong calls about the paper's networks and old checkpoints, and the message of each."""

TITLE = "striate.models: the paper's networks"

SETUP = """\
from functools import partial
from pathlib import Path

from torch import nn

from striate import models

convert = partial(models.convert, out=Path("new.safetensors"), entry="robust_resnet50_l2_3")
"""

_NETWORK = "is none of the paper's 40; did you mean resnet50, resnet18, resnet152? see striate "
CASES = [
    (
        "models.load('kong2021/resnet51')",
        f"model='kong2021/resnet51' {_NETWORK}models list",
    ),
    (
        "models.load('kong2021/robust_resnet18_linf_1')",
        "model='kong2021/robust_resnet18_linf_1' needs a file of weights, which torchvision "
        "does not bring: "
        "Salman et al. 2020, 'Do adversarially robust ImageNet models transfer better?': "
        "resnet18_linf_eps1.0.ckpt, of github.com/microsoft/robust-models-transfer; striate models "
        "convert FILE --entry robust_resnet18_linf_1 --out robust_resnet18_linf_1.safetensors "
        "makes a file to give",
    ),
    (
        "models.load('kong2021/igr_robust_resnet50')",
        "model='kong2021/igr_robust_resnet50' needs a file of weights, which torchvision does "
        "not bring: "
        "not published with the paper; train it with the preset resnet50-igr; striate models "
        "convert FILE --entry igr_robust_resnet50 --out igr_robust_resnet50.safetensors makes a "
        "file to give",
    ),
    (
        "models.paper_layers('resnet9')",
        "architecture='resnet9' is none of the paper's: …; for others, see default_layers",
    ),
    (
        "models.default_layers(nn.Linear(2, 2))",
        "a Linear has neither blocks nor layers to choose from; name layers",
    ),
    (
        "convert('')",
        "path is empty text; give a path",
    ),
    (
        "convert(Path('nowhere.ckpt'))",
        "path='nowhere.ckpt': there is no such file",
    ),
    (
        "convert(Path('checkpoint.pt'), entry='resnet51')",
        f"model='kong2021/resnet51' {_NETWORK}models list",
    ),
    (
        "convert(Path('checkpoint.pt'), out=Path('new.pt'))",
        "out='new.pt': name a file that ends in .safetensors",
    ),
    (
        "convert(Path('cut.safetensors'), out=Path('cut.safetensors'))",
        "out='cut.safetensors' is the file to convert; name another",
    ),
    (
        "convert(Path('cut.safetensors'))",
        "path='cut.safetensors' cannot be read: give safetensors, or what torch.save wrote of "
        "model.state_dict()",
    ),
    (
        "convert(Path('cut.pt'))",
        "path='cut.pt' cannot be read as what torch.save writes: …",
    ),
    (
        "convert(Path('a-list.pt'))",
        "path='a-list.pt' holds a list, and no state dictionary; a whole network cannot be read "
        "without running its code",
    ),
    (
        "convert(Path('whole-model.pt'))",
        "path='whole-model.pt' holds a Sequential, and no state dictionary; a whole network "
        "cannot be read without running its code",
    ),
    (
        "convert(Path('hostile.pt'))",
        "path='hostile.pt' asks for posix.system, which is never read; do not trust this file",
    ),
]

# As typed in a shell.
TYPED = [
    (
        "models layers kong2021/resnet51",
        f"model='kong2021/resnet51' {_NETWORK}models list",
    ),
    (
        "models convert nowhere.ckpt --entry resnet50 --out new.safetensors",
        "path='nowhere.ckpt': there is no such file",
    ),
    (
        "models convert hostile.pt --entry resnet50 --out new.safetensors",
        "path='hostile.pt' asks for posix.system, which is never read; do not trust this file",
    ),
    (
        "models convert checkpoint.pt --entry resnet50 --out new.pt",
        "out='new.pt': name a file that ends in .safetensors",
    ),
]
