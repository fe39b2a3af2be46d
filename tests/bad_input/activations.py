"""Wrong calls of activations, responses and layers, and what they say."""

TITLE = "striate.activations, striate.responses and striate.layers"

# What the expressions are made of.
SETUP = """\
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

from striate import activations, layers
from striate.responses import Kernel, Responses


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.idle = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(2, 2)
        self.lstm, self.head = nn.LSTM(6, 5), nn.Linear(144, 10)

    def forward(self, images):
        maps = self.relu(self.relu(self.conv(images)))
        self.lstm(maps.flatten(2)[:, :, :6])
        return self.head(maps.flatten(1))


net = Net()
seeded = torch.Generator().manual_seed(0)
images = torch.rand(20, 3, 8, 8, generator=seeded)
x = torch.randn(3, 20, 30, generator=seeded)  # 3 repeats, 20 stimuli, 30 units
gram = (x[0] @ x[0].T).double()
collect = partial(activations.collect, net, images)
of_views = partial(activations.kernels_of_views, net, images, "conv")
kernels = partial(activations.kernels, net, images, "conv", z_scored=True)


def show(images):
    return activations.collect(net, images, "conv")


def captured(layer):
    with layers.capture(net, layer) as output:
        return output()
"""

CASES = [
    (
        "collect('cov')",
        "layers='cov' fits no layer of this Net; did you mean 'conv'?",
    ),
    (
        "collect('**.conv2')",
        "layers='**.conv2' fits no layer of this Net; did you mean 'conv'?",
    ),
    (
        "collect([])",
        'layers=[]: name at least one layer, or "**" for all of them',
    ),
    (
        "collect('')",
        "layers='' fits no layer of this Net; did you mean 'conv', 'relu', 'idle', 'lstm', 'head'?",
    ),
    (
        "collect(3)",
        "layers=3: layers are named by text, e.g. 'layer1'",
    ),
    (
        "collect('conv,head')",
        "layers='conv,head' fits no layer of this Net; did you mean 'head', 'conv'?",
    ),
    (
        "collect('relu')",
        "layer 'relu' runs 2 time(s) in one forward pass; choose 'relu@1' or 'relu@2'",
    ),
    (
        "collect('relu@3')",
        "layer 'relu@3' runs 2 time(s) in one forward pass; choose 'relu@1' or 'relu@2'",
    ),
    (
        "collect('relu@0')",
        "layers='relu@0': calls are counted from 1, so relu@1 is first",
    ),
    (
        "collect('idle')",
        "layer 'idle' does not run in a forward pass; choose one that does",
    ),
    (
        "collect('lstm')",
        "layer 'lstm' puts out a tuple, not one tensor; choose 'lstm[0]' or 'lstm[1]'",
    ),
    (
        "collect('lstm[2]')",
        "layer 'lstm[2]' puts out nothing at [2], but a tuple with 0, 1",
    ),
    (
        "collect('conv', batch_size=0)",
        "batch_size=0; show at least one image at a time",
    ),
    (
        "collect('conv', batch_size=2.5)",
        "batch_size=2.5; show at least one image at a time",
    ),
    (
        "collect('conv', device='gpu')",
        "device='gpu' cannot be used here: …",
    ),
    (
        "collect('conv', dtype=torch.int64)",
        "dtype=torch.int64: responses need floating point of 16 bits or more, e.g. torch.float32",
    ),
    (
        "collect('conv', dtype='float32')",
        "dtype='float32': responses need floating point of 16 bits or more, e.g. torch.float32",
    ),
    (
        "collect('conv', progress=3)",
        "progress=3: give a function of images shown, and of all",
    ),
    (
        "collect('conv', batch_size=True)",
        "batch_size=True; show at least one image at a time",
    ),
    (
        "collect('conv', reduce='centre')",
        "reduce='centre': give a function of a layer's output, e.g. centre",
    ),
    (
        "collect('conv', reduce=lambda maps: maps.mean())",
        "reduce made torch.Size([]) of what layer 'conv' puts out, (2, 4, 6, 6); keep floating "
        "point, with one row per image",
    ),
    (
        "activations.centre(torch.zeros(3, 6, 4))",
        "puts out 6 tokens, neither a square of patches nor that and one token of the class; "
        "choose another layer",
    ),
    (
        "activations.centre(torch.zeros(3, 7, 8, 12))",
        "puts out shape (3, 7, 8, 12), which does not tell whether channels are on the first axis "
        "after that of the images or on the last; leave the layer out, or in Python say so, as in "
        'partial(centre, channels="first")',
    ),
    (
        "activations.centre(torch.zeros(3, 4, 8, 8), channels='middle')",
        "channels='middle': say 'first' or 'last', or None to have it found",
    ),
    (
        "activations.position_mean(torch.zeros(3))",
        "puts out shape (3,), which is no map (images, channels, height, width), no tokens "
        "(images, tokens, channels) and no dense layer; choose another layer",
    ),
    (
        "activations.collect(images, net, 'conv')",
        "model is a Tensor; give a torch.nn.Module",
    ),
    (
        "show(255 * images)",
        "images lie in [0.0203, 255]; give pixels in [0, 1] and let the model normalise them",
    ),
    (
        "show((255 * images).to(torch.uint8))",
        "images has a batch that is torch.uint8 of shape (20, 3, 8, 8); give tensors (batch, "
        "channels, height, width) of floating point with pixels in [0, 1]",
    ),
    (
        "show(images - 0.5)",
        "images lie in [-0.5, 0.5]; give pixels in [0, 1] and let the model normalise them",
    ),
    (
        "show(images * float('nan'))",
        "images lie in [nan, nan]; give pixels in [0, 1] and let the model normalise them",
    ),
    (
        "show(images[:0])",
        "images holds no image",
    ),
    (
        "show(images.permute(0, 2, 3, 1))",
        "images of shape (8, 8, 3) do not pass through this Net: …",
    ),
    (
        "show(images[:, :1])",
        "images of shape (1, 8, 8) do not pass through this Net: …",
    ),
    (
        "show(images[..., :2, :2])",
        "images of shape (3, 2, 2) do not pass through this Net: …",
    ),
    (
        "show(images.numpy().astype('complex64'))",
        "images has a batch that is complex64 of shape (20, 3, 8, 8); give tensors (batch, "
        "channels, height, width) of floating point with pixels in [0, 1]",
    ),
    (
        "show(list(images))",
        "images of shape (8, 8) do not pass through this Net: …",
    ),
    (
        "show([])",
        "images holds no image",
    ),
    (
        "show([images, images[..., :7]])",
        "images has images of shape (3, 8, 8) in torch.float32 and of (3, 8, 7) in "
        "torch.float32; give them one shape and type",
    ),
    (
        "show(iter([images]))",
        "images is a list_iterator, which is used up once gone through; give a tensor, a list of "
        "batches, or a DataLoader that does not shuffle",
    ),
    (
        "show('photographs')",
        "images is a str, which gives no batches of images; give a tensor, a list of batches, or "
        "a DataLoader that does not shuffle",
    ),
    (
        "show(Path('photographs'))",
        "images is a …, which gives no batches of images; give a tensor, a list of batches, or a "
        "DataLoader that does not shuffle",
    ),
    (
        "show({'images': images})",
        "images is a dict, which gives no batches of images; give a tensor, a list of batches, "
        "or a DataLoader that does not shuffle",
    ),
    (
        "show(None)",
        "images is a NoneType, which gives no batches of images; give a tensor, a list of "
        "batches, or a DataLoader that does not shuffle",
    ),
    (
        "show(DataLoader(images, batch_size=4, shuffle=True, generator=seeded))",
        "images are not the same, or not in the same order, as when they were first gone "
        "through; switch off shuffling and random transforms",
    ),
    (
        "kernels(memory='4 parsecs')",
        "memory='4 parsecs' is not a size; give e.g. '4GB', '512MB', '9000000B'",
    ),
    (
        "kernels(memory='1KB')",
        "memory='1KB' does not hold one block of layer 'conv' (20 stimuli × up to 8192 units) "
        "beside the Gram matrices (0.0032 MB per layer) and 0.679 MB to work in; give "
        "memory='1MB' or more, or fewer layers or stimuli",
    ),
    (
        "kernels(memory=4e9)",
        "memory=4000000000.0 is not a size; give e.g. '4GB', '512MB', '9000000B'",
    ),
    (
        "kernels(memory=-1)",
        "memory=-1 is not a size; give e.g. '4GB', '512MB', '9000000B'",
    ),
    (
        "kernels(z_scored='no')",
        "z_scored='no': say True or False",
    ),
    (
        "kernels(others=images)",
        "others is a Tensor; give sets of images by name, {'new': images}",
    ),
    (
        "kernels(others={'new': 255 * images})",
        "others['new'] lie in [0.0203, 255]; give pixels in [0, 1] and let the model normalise "
        "them",
    ),
    (
        "kernels(others={'new': images[..., :7]})",
        "others['new'] of shape (3, 8, 7) do not pass through this Net: …",
    ),
    (
        "kernels(dtype=torch.int8)",
        "dtype=torch.int8: responses need floating point of 16 bits or more, e.g. torch.float32",
    ),
    (
        "kernels(dtype=torch.float8_e4m3fn)",
        "dtype=torch.float8_e4m3fn: responses need floating point of 16 bits or more, e.g. "
        "torch.float32",
    ),
    (
        "kernels(others={0: images})",
        "others has a set named 0; name sets of images by text",
    ),
    (
        "kernels(others={'new': images}, raw=3)",
        "raw=3: list names of others; there are 'new'",
    ),
    (
        "kernels(progress=3)",
        "progress=3: give a function of images shown, and of all",
    ),
    (
        "kernels(partial='a-file/sums')",
        "partial='a-file/sums' is in 'a-file', which is a file; name a folder",
    ),
    (
        "of_views({})",
        "views is empty; give at least one by name, e.g. {'all': View(z_scored=True)}",
    ),
    (
        "of_views([activations.View(True)])",
        "views is a list; give at least one by name, e.g. {'all': View(z_scored=True)}",
    ),
    (
        "of_views({0: activations.View(True)})",
        "views has one named 0; name views by text",
    ),
    (
        "of_views({'all': True})",
        "views['all'] is a bool; give a View",
    ),
    (
        "of_views({'all': activations.View('no')})",
        "views['all']: z_scored='no': say True or False",
    ),
    (
        "of_views({'some': activations.View(True, [0, 3])})",
        "views['some']: rows are a list; give a tensor of one axis in int64, e.g. "
        "torch.tensor([0, 3])",
    ),
    (
        "of_views({'some': activations.View(True, images[:, 0, 0, 0])})",
        "views['some']: rows are torch.float32 of shape (20,); give a tensor of one axis in "
        "int64, e.g. torch.tensor([0, 3])",
    ),
    (
        "of_views({'some': activations.View(True, torch.tensor([0, 20]))})",
        "views['some']: rows are at least 2 of 20 images, counted from 0, each once",
    ),
    (
        "kernels(partial=Path('a-file'))",
        "partial='a-file' is a file; name a folder",
    ),
    (
        "kernels(partial=3)",
        "partial=3 is a int; give a path",
    ),
    (
        "activations.kernels(net, images[:1], 'conv', z_scored=True)",
        "images holds 1 image; a kernel needs at least 2",
    ),
    (
        "activations.plan({'conv': 144}, stimuli=0, memory='1GB')",
        "units={'conv': 144}, stimuli=0, others=0: need at least one stimulus, and one unit of "
        "each layer",
    ),
    (
        "Responses(x[0], 'net:conv', 'noise')",
        "tensor has shape (20, 30) and dtype torch.float32; responses need (repeats, stimuli, "
        "units), none of them empty, in floating point",
    ),
    (
        "Responses(x.long(), 'net:conv', 'noise')",
        "tensor has shape (3, 20, 30) and dtype torch.int64; responses need (repeats, stimuli, "
        "units), none of them empty, in floating point",
    ),
    (
        "Responses(x.numpy(), 'net:conv', 'noise')",
        "tensor is a ndarray; give a torch.Tensor",
    ),
    (
        "Responses(x[:, :0], 'net:conv', 'noise')",
        "tensor has shape (3, 0, 30) and dtype torch.float32; responses need (repeats, stimuli, "
        "units), none of them empty, in floating point",
    ),
    (
        "Responses(x / 0, 'net:conv', 'noise')",
        "tensor holds infinities; give finite responses, and NaN for none",
    ),
    (
        "Responses(x, 'net:conv', ('a', 'b'))",
        "stimuli holds 2 names for 20 stimuli",
    ),
    (
        "Responses(x, 'net:conv', None)",
        "stimuli=None: give a name of the set, or one name per stimulus",
    ),
    (
        "Responses(x, 'net:conv', 'noise').halves(seed='q')",
        "seed='q': give a whole number of at most 64 bits, e.g. 0",
    ),
    (
        "Responses(x[:1], 'net:conv', 'noise').halves()",
        "halves need a stimulus with two repeats; 'net:conv' has 1 repeat(s), and never two with "
        "a recording: use mean()",
    ),
    (
        "Kernel(gram.float(), 30, 30, True, 'net:conv', 'noise')",
        "gram has shape (20, 20) and dtype torch.float32; a kernel needs (stimuli, stimuli) in "
        "float64",
    ),
    (
        "Kernel(gram[:, :5], 30, 30, True, 'net:conv', 'noise')",
        "gram has shape (20, 5) and dtype torch.float64; a kernel needs (stimuli, stimuli) in "
        "float64",
    ),
    (
        "Kernel(gram.triu(), 30, 30, True, 'net:conv', 'noise')",
        "gram is not symmetric; give the product of responses with themselves",
    ),
    (
        "Kernel(gram * float('nan'), 30, 30, True, 'net:conv', 'noise')",
        "gram holds values that are not finite",
    ),
    (
        "Kernel(gram, 30, 31, True, 'net:conv', 'noise')",
        "units=30, varying=31: there must be a unit, and of all units those that vary are a part",
    ),
    (
        "Kernel(gram, 30, 30, True, 'net:conv', 'noise', {'new': gram[:, :5]})",
        "cross['new'] has shape (20, 5) and dtype torch.float64; a kernel needs (new, stimuli) "
        "in float64",
    ),
    (
        "layers.find(net, 'cov')",
        "layer='cov' is not a layer of this Net; did you mean 'conv'?",
    ),
    (
        "layers.find(net, None)",
        "layer=None: layers are named by text, e.g. 'layer1'",
    ),
    (
        "layers.match(net, 'cov')",
        "layers='cov' fits no layer of this Net; did you mean 'conv'?",
    ),
    (
        "layers.match(None, 'conv')",
        "model is a NoneType; give a torch.nn.Module",
    ),
    (
        "layers.match(nn.ReLU(), '**')",
        "layers='**' fits no layer of this ReLU; did you mean a model with named layers?",
    ),
    (
        "captured('cov')",
        "layer='cov' is not a layer of this Net; did you mean 'conv'?",
    ),
    (
        "captured('conv')",
        "layer 'conv' ran 0 times since its output was last taken; run the model once, then "
        "take it, and choose a layer that runs once in a pass, outside of reentrant checkpointing "
        "(a model compiled and run before this block does not see it)",
    ),
]
