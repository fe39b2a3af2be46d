"""Wrong calls of striate.models, and the message of the ValueError of each."""

TITLE = "striate.models"

# What the expressions are made of.
SETUP = """\
from pathlib import Path

from striate import models

nets = "nets.py:dense"
"""

CASES = [
    (
        "models.cnn((1, 8, 8), 10, seed=0)",
        "images of 8×8 pixels are too small for this network, which needs 10×10; use shallow_mlp "
        "or deep_mlp",
    ),
    (
        "models.deep_cnn((3, 16, 16), 10, seed=0)",
        "images of 16×16 pixels are too small for this network, which needs 18×18; use "
        "shallow_mlp or deep_mlp",
    ),
    (
        "models.load('resnet50')",
        "model='resnet50'; give torchvision/NAME, timm/NAME, kong2021/NAME, small/NAME or "
        "file.py:function",
    ),
    (
        "models.load('keras/resnet50')",
        "model='keras/resnet50'; give torchvision/NAME, timm/NAME, kong2021/NAME, small/NAME or "
        "file.py:function",
    ),
    (
        "models.load('nets.py')",
        "model='nets.py'; give torchvision/NAME, timm/NAME, kong2021/NAME, small/NAME or "
        "file.py:function",
    ),
    (
        "models.load('other.py:dense')",
        "model='other.py:dense': there is no file other.py",
    ),
    (
        "models.load('nets.py:sparse')",
        "model='nets.py:sparse': nets.py has no function 'sparse'; it has Network, dense, small, "
        "nothing, broken, without_size, nearest",
    ),
    (
        "models.load('nets.py:depth')",
        "model='nets.py:depth': nets.py has no function 'depth'; it has Network, dense, small, "
        "nothing, broken, without_size, nearest",
    ),
    (
        "models.load('nets.py:nothing')",
        "model='nets.py:nothing': nothing() returned a NoneType; return a module, or a "
        "striate.models.Network of one",
    ),
    (
        "models.load('nets.py:broken')",
        "model='nets.py:broken': nets.py fails: line 20: TypeError: …",
    ),
    (
        "models.load('nets.py:without_size')",
        "model='nets.py:without_size': without_size() wants images of resize=None, size=None; "
        "both are whole numbers of pixels",
    ),
    (
        "models.load('nets.py:nearest')",
        "model='nets.py:nearest': nearest() wants images of interpolation='nearest'; choose "
        "'bilinear' or 'bicubic'",
    ),
    (
        "models.load('unfinished.py:dense')",
        "model='unfinished.py:dense': unfinished.py fails: SyntaxError: …",
    ),
    (
        "models.load('lacking.py:dense')",
        "model='lacking.py:dense': lacking.py fails: line 1: ModuleNotFoundError: No module "
        "named 'no_such_package'",
    ),
    (
        "models.load(nets, weights={})",
        "weights={} is a dict; give a path",
    ),
    (
        "models.load(nets, weights=Path('nowhere.pt'))",
        "weights='nowhere.pt': there is no such file",
    ),
    (
        "models.load(nets, weights=Path('other-names.pt'))",
        "weights='other-names.pt' do not fit this Sequential: missing: 1.weight, 1.bias, "
        "2.weight and 1 more; unknown: weight, bias",
    ),
    (
        "models.load(nets, weights=Path('other-shapes.pt'))",
        "weights='other-shapes.pt' do not fit this Sequential: other shapes: 1.weight (40, 64) "
        "instead of (40, 192)",
    ),
    (
        "models.load(nets, weights=Path('checkpoint.pt'))",
        "weights='checkpoint.pt' do not fit this Sequential: missing: 1.weight, 1.bias, 2.weight "
        "and 1 more; unknown: model, epoch",
    ),
    (
        "models.load(nets, weights=Path('a-list.pt'))",
        "weights='a-list.pt' holds a list; save model.state_dict()",
    ),
    (
        "models.load(nets, weights=Path('whole-model.pt'))",
        "weights='whole-model.pt' cannot be read: it asks for "
        "torch.nn.modules.container.Sequential, which is not run; give safetensors, or what "
        "torch.save wrote of model.state_dict()",
    ),
    (
        "models.load(nets, weights=Path('hostile.pt'))",
        "weights='hostile.pt' cannot be read: it asks for posix.system, which is not run; give "
        "safetensors, or what torch.save wrote of model.state_dict()",
    ),
    (
        "models.load(nets, weights=Path('cut.pt'))",
        "weights='cut.pt' cannot be read: give safetensors, or what torch.save wrote of "
        "model.state_dict()",
    ),
    (
        "models.load(nets, weights=Path('cut.safetensors'))",
        "weights='cut.safetensors' cannot be read: give safetensors, or what torch.save wrote of "
        "model.state_dict()",
    ),
    (
        "models.normalised(models.load(nets).model, [0.5], [0.2, 0.2, 0.2])",
        "mean=[0.5], std=[0.2, 0.2, 0.2]: give one number of each per channel, for pixels in [0, "
        "1]; a mean lies in that range, and std is positive and finite",
    ),
    (
        "models.normalised(models.load(nets).model, [0.5], [0.0])",
        "mean=[0.5], std=[0.0]: give one number of each per channel, for pixels in [0, 1]; a "
        "mean lies in that range, and std is positive and finite",
    ),
    (
        "models.normalised(models.load(nets).model, [127.5], [127.5])",
        "mean=[127.5], std=[127.5]: give one number of each per channel, for pixels in [0, 1]; a "
        "mean lies in that range, and std is positive and finite",
    ),
    (
        "models.normalised(models.load(nets).model, 0.5, 0.5)",
        "mean=0.5, std=0.5: give one number of each per channel, for pixels in [0, 1]; a mean "
        "lies in that range, and std is positive and finite",
    ),
    (
        "models.normalised(models.load, [0.5], [0.2])",
        "model is a function; give a torch.nn.Module",
    ),
    (
        "models.outline(models.load(nets).model, 0)",
        "size=0: give a whole number from 1 on",
    ),
    (
        "models.outline(models.load(nets).model, 224)",
        "images of shape (3, 224, 224) do not pass through this Sequential: …",
    ),
    (
        "models.outline(models.load(nets), 8)",
        "model is a Network; give a torch.nn.Module",
    ),
]
