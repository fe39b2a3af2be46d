"""What was typed in a shell, and what it costs."""

# The one line on standard error. "…" stands for anything.
TYPED = [
    (
        "run gerum2022 --preset papers",
        "preset='papers'; choose one of quick, paper, 2023, 2023-long",
    ),
    (
        "run gerum2022 --protocol text",
        "protocol='text'; choose one of paper, authors",
    ),
    (
        "run gerum2022 --data svhn",
        "data='svhn'; choose one of digits, mnist, cifar10",
    ),
    (
        "run gerum2022 --network mlp",
        "network='mlp'; choose one of shallow_mlp, deep_mlp, cnn, cnn_no_head, deep_cnn",
    ),
    (
        "run gerum2022 --network cnn",
        "images of 8×8 pixels are too small for this network, which needs 10×10; use shallow_mlp "
        "or deep_mlp",
    ),
    (
        "run gerum2022 --form slop",
        "form='slop'; choose one of 'slope', 'line', 'ratio'",
    ),
    (
        "run gerum2022 --alphas '1;2'",
        "--alphas '1;2': give numbers with commas, e.g. 1,2,3",
    ),
    (
        "run gerum2022 --alphas ''",
        "--alphas '': give numbers with commas, e.g. 1,2,3",
    ),
    (
        "run gerum2022 --alphas 1,nan",
        "alpha=nan: the exponent wanted is finite and, as variances fall with their rank, not "
        "negative",
    ),
    (
        "run gerum2022 --alphas 1,1",
        "alphas=(1.0, 1.0): give each value once",
    ),
    (
        "run gerum2022 --betas strong",
        "--betas 'strong': give numbers with commas, e.g. 1,2,3",
    ),
    (
        "run gerum2022 --betas=-1",
        "beta=-1.0: the strength of a penalty is finite and not negative",
    ),
    (
        "run gerum2022 --betas 1,inf",
        "beta=inf: the strength of a penalty is finite and not negative",
    ),
    (
        "run gerum2022 --seeds 0",
        "the grid is empty; give at least one alpha, one beta and one seed",
    ),
    (
        "run gerum2022 --ranks 6",
        "--ranks '6': give first-last, both included, e.g. 6-50",
    ),
    (
        "run gerum2022 --ranks 6:50",
        "--ranks '6:50': give first-last, both included, e.g. 6-50",
    ),
    (
        "run gerum2022 --ranks 0-50",
        "ranks=(0, 50): need 1 <= first < last, both counted from 1",
    ),
    (
        "run gerum2022 --ranks 50-6",
        "ranks=(50, 6): need 1 <= first < last, both counted from 1",
    ),
    (
        "run gerum2022 --ranks 6-600",
        "ranks=(6, 600) need batches of at least 601 images, but the smallest batch of an epoch "
        "has 479 (1437 images in batches of 479); change --batch-size or --ranks",
    ),
    (
        "run gerum2022 --ranks 6-400",
        "ranks=(6, 400) end beyond what α can be measured on: hidden of shallow_mlp has 2000 "
        "units, and 360 test images have 359 ranks; change --ranks or --width",
    ),
    (
        "run gerum2022 --batch-size 1000 --ranks 6-500",
        "ranks=(6, 500) need batches of at least 501 images, but the smallest batch of an epoch "
        "has 437 (1437 images in batches of 1000); change --batch-size or --ranks",
    ),
    (
        "run gerum2022 --batch-size 700",
        "ranks=(6, 50) need batches of at least 51 images, but the smallest batch of an epoch "
        "has 37 (1437 images in batches of 700); change --batch-size or --ranks",
    ),
    (
        "run gerum2022 --batch-size 2000",
        "batch_size=2000, but there are 1437 training images of digits; use --preset quick or a "
        "--batch-size from 1 to 1437",
    ),
    (
        "run gerum2022 --batch-size 0",
        "batch_size=0, but there are 1437 training images of digits; use --preset quick or a "
        "--batch-size from 1 to 1437",
    ),
    (
        "run gerum2022 --preset paper",
        "batch_size=2500, but there are 1437 training images of digits; use --preset quick or a "
        "--batch-size from 1 to 1437",
    ),
    (
        "run gerum2022 --epochs 0",
        "epochs=0, learning_rate=0.001: give positive numbers",
    ),
    (
        "run gerum2022 --epochs 10 --attack-epochs 20",
        "attack_epochs=(20,), but training has epochs 1 to 10",
    ),
    (
        "run gerum2022 --attack-epochs 0",
        "attack_epochs=(0,), but training has epochs 1 to 40",
    ),
    (
        "run gerum2022 --attack-epochs last",
        "--attack-epochs 'last': give numbers with commas, e.g. 1,2,3",
    ),
    (
        "run gerum2022 --verdict-n 100",
        "verdict_images=100 is of a verdict; give --verdict as well",
    ),
    (
        "run gerum2022 --verdict --verdict-n 361",
        "verdict_images=361: judge by 1 to 360 images, as many as are attacked",
    ),
    (
        "run gerum2022 --epsilons 0,0.2,0.1",
        "epsilons=(0.0, 0.2, 0.1) must start at 0 and rise, up to at most 1",
    ),
    (
        "run gerum2022 --epsilons 0.1,0.2",
        "epsilons=(0.1, 0.2) must start at 0 and rise, up to at most 1",
    ),
    (
        "run gerum2022 --epsilons 0,8",
        "epsilons=(0.0, 8.0) must start at 0 and rise, up to at most 1",
    ),
    (
        "run gerum2022 --learning-rate 0",
        "epochs=40, learning_rate=0.0: give positive numbers",
    ),
    (
        "run gerum2022 --learning-rate inf",
        "epochs=40, learning_rate=inf: give positive numbers",
    ),
    (
        "run gerum2022 --train-images 0",
        "train_images=0, but digits has 1437 training images here",
    ),
    (
        "run gerum2022 --train-images 5000",
        "train_images=5000, but digits has 1437 training images here",
    ),
    (
        "run gerum2022 --attack-images=-5",
        "attack_images=-5; attack at least one image",
    ),
    (
        "run gerum2022 --attack-images 99999",
        "attack_images=99999, but digits has 360 test images here",
    ),
    (
        "run gerum2022 --solver fast",
        "solver='fast'; choose one of 'exact', 'subspace', 'auto'",
    ),
    (
        "run gerum2022 --layers first",
        "layers='first'; choose one of last, all",
    ),
    (
        "run gerum2022 --layers all",
        "layers='all', but shallow_mlp has one hidden layer; leave it out",
    ),
    (
        "run gerum2022 --width 0",
        "width=0: a layer has at least one unit",
    ),
    (
        "run gerum2022 --width 40",
        "ranks=(6, 50) end beyond what α can be measured on: hidden of shallow_mlp has 40 units, "
        "and 360 test images have 359 ranks; change --ranks or --width",
    ),
    (
        "run gerum2022 --network cnn_no_head --width 100",
        "width=100, but cnn_no_head has no dense layer; leave it out",
    ),
    (
        "run gerum2022 --weight-decay=-0.1",
        "weight_decay=-0.1: give 0 or a positive number",
    ),
    (
        "run gerum2022 --jobs 0",
        "jobs=0; at least one network at a time",
    ),
    (
        "measure tuning small/cnn-1x8 small/cnn-3x32 --weights FILE",
        "--weights is for one network, and 2 are named; type a command for each",
    ),
    (
        "run gerum2022 --device gpu",
        "device='gpu' cannot be used here: …",
    ),
    (
        "run gerum2022 --device cuda:99",
        "device='cuda:99' cannot be used here: …",
    ),
    (
        "run gerum2022 --device meta",
        "device='meta' cannot be used here: …",
    ),
    (
        "run gerum2022 --results a-file",
        "--results a-file is a file; name a folder",
    ),
    (
        "report",
        "no results folder at results; `striate run … --results` makes one",
    ),
    (
        "report --results empty",
        "no results of any study (gerum2022, kong2021, spectra, tuning, predictivity, robustness, "
        "training) in empty; run "
        "`striate run gerum2022 --results empty` or a `striate measure` first",
    ),
    (
        "report --results other",
        "no results of any study (gerum2022, kong2021, spectra, tuning, predictivity, robustness, "
        "training) in other; run "
        "`striate run gerum2022 --results other` or a `striate measure` first",
    ),
    (
        "report --results damaged",
        "damaged/cell.json is damaged: its checksum does not match; delete it and rerun",
    ),
    (
        "report --results foreign",
        "foreign/cell.json is not a result file (it has no task, provenance, results, format, "
        "sha256); move it away and rerun",
    ),
    (
        "report --results newer",
        "newer/cell.json has format 99, this version reads 1; upgrade striate",
    ),
    (
        "table --results nowhere",
        "no results folder at nowhere; `striate run … --results` makes one",
    ),
    (
        "table --results empty",
        "no results of gerum2022 in empty; run `striate run gerum2022 --results empty` first",
    ),
    (
        "data fetch imagenet",
        "there is no data set 'imagenet'; there are digits, mnist, cifar10",
    ),
    (
        "data verify minst",
        "there is no data set 'minst'; did you mean 'mnist'? there are digits, mnist, cifar10",
    ),
    (
        "data verify mnist",
        "mnist is not in cache; type `striate data fetch mnist` where there is a network, or set "
        "STRIATE_DATA to a folder that holds it",
    ),
    (
        "models layers resnet50",
        "model='resnet50'; give torchvision/NAME, timm/NAME, kong2021/NAME, small/NAME or "
        "file.py:function",
    ),
    (
        "models layers nets.py",
        "model='nets.py'; give torchvision/NAME, timm/NAME, kong2021/NAME, small/NAME or "
        "file.py:function",
    ),
    (
        "models layers other.py:dense",
        "model='other.py:dense': there is no file other.py",
    ),
    (
        "models layers nets.py:sparse",
        "model='nets.py:sparse': nets.py has no function 'sparse'; it has Network, dense, small, "
        "nothing, broken, without_size, nearest",
    ),
    (
        "models layers nets.py:nothing",
        "model='nets.py:nothing': nothing() returned a NoneType; return a module, or a "
        "striate.models.Network of one",
    ),
    (
        "models layers nets.py:broken",
        "model='nets.py:broken': nets.py fails: line 20: TypeError: …",
    ),
    (
        "models layers unfinished.py:dense",
        "model='unfinished.py:dense': unfinished.py fails: SyntaxError: …",
    ),
    (
        "models layers nets.py:dense",
        "images of shape (3, 224, 224) do not pass through this Sequential: …",
    ),
    (
        "models layers nets.py:small --layers cov",
        "layers='cov' fits no layer of this Sequential; did you mean '0', '1', '2'?",
    ),
    (
        "measure spectrum nets.py:small --images nowhere",
        "folder='nowhere' is not a folder; name one that holds images",
    ),
    (
        "measure spectrum nets.py:small --images no-images",
        "no-images holds no image, that is no .bmp, .gif, .jpeg, .jpg, .pgm, .png, .ppm, .tif, "
        ".tiff, .webp",
    ),
    (
        "measure spectrum nets.py:small --images bad-images",
        "bad-images: 1 of 1 images cannot be read; the first is a.png: cannot identify image "
        "file …",
    ),
    (
        "measure spectrum nets.py:small --images digits --layers cov",
        "layers='cov' fits no layer of this Sequential; did you mean '0', '1', '2'?",
    ),
    (
        "measure spectrum nets.py:small --images digits --protocol text",
        "protocol='text'; choose one of paper, authors",
    ),
    (
        "measure spectrum nets.py:small --images digits --device gpu",
        "device='gpu' cannot be used here: …",
    ),
    (
        "measure spectrum nets.py:small --images digits --weights nowhere.pt",
        "weights='nowhere.pt': there is no such file",
    ),
    (
        "measure spectrum nets.py:small --images digits --weights other-names.pt",
        "weights='other-names.pt' do not fit this Sequential: missing: 1.weight, 1.bias, "
        "2.weight and 1 more; unknown: weight, bias",
    ),
    (
        "measure spectrum nets.py:small --images digits --weights hostile.pt",
        "weights='hostile.pt' cannot be read: it asks for posix.system, which is not run; give "
        "safetensors, or what torch.save wrote of model.state_dict()",
    ),
    (
        "measure spectrum nets.py:small --images digits --memory '4 parsecs'",
        "memory='4 parsecs' is not a size; give e.g. '4GB', '512MB', '9000000B'",
    ),
    (
        "measure spectrum nets.py:small --images digits --sets 1",
        "sets=1: give a whole number from 2 on, or nothing is known of their spread",
    ),
    (
        "measure spectrum nets.py:small --images digits --set-size=-5",
        "set_size=-5: give a whole number from 2 on",
    ),
    (
        "measure spectrum nets.py:small --images digits --set-size 5",
        "360 images make sets of 5, and ranks (10, 1000) need sets of more than 20; give more "
        "images or larger sets",
    ),
    (
        "measure spectrum nets.py:small --images digits --batch-size 0",
        "batch_size=0; show at least one image at a time",
    ),
    (
        "measure spectrum nets.py:small --images digits --results a-file",
        "--results a-file is a file; name a folder",
    ),
    (
        "measure tuning nowhere.py:net",
        "model='nowhere.py:net': there is no file nowhere.py",
    ),
    (
        "measure tuning nets.py:small --layers cov",
        "layers='cov' fits no layer of this Sequential; did you mean '0', '1', '2'?",
    ),
    (
        "measure tuning nets.py:small --protocol text",
        "protocol='text'; choose one of paper, authors",
    ),
    (
        "measure tuning nets.py:small --protocol authors",
        "protocol='authors' is of patches of 224 pixels, which images of 8 pixels cannot hold; "
        "choose paper",
    ),
    (
        "measure tuning nets.py:small --field-deg 0",
        "field_deg=0: give a positive number of degrees",
    ),
    (
        "measure tuning nets.py:small --optimal=-1",
        "optimal=-1: give a whole number from 0 on",
    ),
    (
        "measure tuning nets.py:small --experiments 0",
        "experiments=0: give a whole number from 1 on",
    ),
    (
        "measure tuning nets.py:small --draws 0",
        "draws=0: give a whole number from 1 on",
    ),
    (
        "measure tuning nets.py:small --images nowhere",
        "folder='nowhere' is not a folder; name one that holds images",
    ),
    (
        "measure tuning nets.py:small --batch-size 0",
        "batch_size=0; show at least one image at a time",
    ),
    (
        "measure tuning nets.py:small --results a-file",
        "--results a-file is a file; name a folder",
    ),
    (
        "measure tuning nets.py:small --device gpu",
        "device='gpu' cannot be used here: …",
    ),
    (
        "visualize nets.py:small cov 0 --out seen",
        "layers='cov' fits no layer of this Sequential; did you mean '0', '1', '2'?",
    ),
    (
        "visualize nets.py:small 1 40 --out seen",
        "channels: layer '1' has 40, counted from 0 to 39, and no 40",
    ),
    (
        "visualize nets.py:small 1 first --out seen",
        "channels 'first': give numbers with commas, e.g. 1,2,3",
    ),
    (
        "visualize nets.py:small '*' 0 --out seen",
        "layer='*' fits 3 layers, '0', '1', '2', …; name one",
    ),
    (
        "visualize nets.py:small 1 0 --out seen --steps 0",
        "steps=0: give a whole number from 1 on",
    ),
    (
        "visualize nets.py:small 1 0 --out seen --size 224",
        "images of shape (3, 224, 224) do not pass through this Sequential: …",
    ),
    (
        "visualize nets.py:small 1 0 --out a-file",
        "--out a-file is a file; name a folder",
    ),
    (
        "spectrum good.npz --ranks 1:3",
        "--ranks '1:3': give first-last, both included, e.g. 6-50",
    ),
    (
        "spectrum good.npz --ranks 50-90",
        "ranks=(50, 90): a window ends at twice its first rank at least, here at 100; end later, "
        "or start at 45 or before",
    ),
    (
        "spectrum good.npz --ranks 3-1",
        "ranks=(3, 1): need 1 <= first < last, both counted from 1",
    ),
    (
        "spectrum good.npz --ranks 1-2 --algorithm both",
        "--algorithm 'both'; choose text or released",
    ),
    (
        "spectrum nowhere.npz --ranks 1-2",
        "path='nowhere.npz' does not exist; name the file of a recording",
    ),
    (
        "spectrum a-file --ranks 1-2",
        "a-file is in no format that is understood; these are: npz and HDF5 (arrays 'responses' "
        "or 'responses_<population>'), the npz of Hénaff et al. 2021, the .mat of Stringer et "
        "al. 2019, the .pkl of Cadena et al. 2019, and NWB",
    ),
    (
        "spectrum cut.h5 --ranks 1-2",
        "cut.h5 is a damaged HDF5 file: …",
    ),
    (
        "spectrum hostile.pkl --ranks 1-2",
        "hostile.pkl asks for posix.system, which is not run: only numpy arrays and builtin "
        "containers are read",
    ),
    (
        "spectrum two-axes.npz --ranks 1-2",
        "two-axes.npz: responses is float64 of shape (6, 4); it must hold numbers of shape "
        "(repeats, stimuli, units)",
    ),
    (
        "spectrum only-nan.npz --ranks 1-2",
        "only-nan.npz: responses holds no response, only NaN",
    ),
    (
        "spectrum good.nwb --ranks 1-2",
        "good.nwb, read by nwb, needs start_s and length_s",
    ),
    (
        "spectrum two.npz --ranks 1-2 --population c",
        "two.npz has no population 'c'; there are: a, b",
    ),
    (
        "compare nets.py:sparse movies.npz --ranks 1-2",
        "model='nets.py:sparse': nets.py has no function 'sparse'; it has Network, dense, small, "
        "nothing, broken, without_size, nearest",
    ),
    (
        "compare nets.py:small nowhere.npz --ranks 1-2",
        "path='nowhere.npz' does not exist; name the file of a recording",
    ),
    (
        "compare nets.py:small few-movies.npz --ranks 1-2",
        "few-movies.npz: zoom_category_movie_frame refers to movies 7 to 7, counted from 0, and "
        "there are 1",
    ),
    (
        "compare nets.py:small movies.npz --ranks 1-2 --model-weights nowhere.pt",
        "weights='nowhere.pt': there is no such file",
    ),
    (
        "compare nets.py:small movies.npz --ranks 1-2 --device gpu",
        "device='gpu' cannot be used here: …",
    ),
    (
        "spectrum good.npz --ranks 1-2 --dimensions 0",
        "--dimensions 0: give how many dimensions the stimuli have, above 0, or leave it out "
        "for many",
    ),
    (
        "spectrum good.npz --ranks 1-2 --dimensions=inf",
        "--dimensions inf: give how many dimensions the stimuli have, above 0, or leave it out "
        "for many",
    ),
    (
        "compare nets.py:small movies.npz --ranks 1-2 --dimensions=-8",
        "--dimensions -8: give how many dimensions the stimuli have, above 0, or leave it out "
        "for many",
    ),
    (
        "compare nets.py:small movies.npz --ranks 1-2 --stimulus-deg wide",
        "--stimulus-deg 'wide': give numbers with commas, e.g. 1,2,3",
    ),
    (
        "compare nets.py:small movies.npz --ranks 1-2 --stimulus-deg 8",
        "stimulus_deg=8 does not fit into field_deg=6.4; give the degrees of what crop_px leaves, "
        "or a wider field",
    ),
    (
        "compare nets.py:small movies.npz --ranks 1-2 --stimulus-deg 2,2",
        "stimulus_deg=(2.0, 2.0): give each width once",
    ),
    (
        "compare nets.py:small movies.npz --ranks 1-2 --stimulus-deg 2 --crop-px 1000",
        "crop_px=1000 is not within images of 8×8 pixels",
    ),
    (
        "compare nets.py:small movies.npz --ranks 1-2 --crop-px 8",
        "--crop-px 8 says nothing without --stimulus-deg: give the degrees that a stimulus is wide",
    ),
    (
        "compare nets.py:small movies.npz --ranks 1-2 --field-deg 6.4",
        "--field-deg 6.4 says nothing without --stimulus-deg: give the degrees that a stimulus is "
        "wide",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " wide",
        "--stimulus-deg 'wide': give numbers with commas, e.g. 1,2,3",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 0",
        "stimulus_deg=0.0: give degrees of visual angle, above 0",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 2,2",
        "stimulus_deg=(2.0, 2.0): give each width once",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 8",
        "stimulus_deg=8 does not fit into field_deg=6.4; give the degrees of what crop_px leaves,"
        " or a wider field",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 2 --field-deg 0",
        "field_deg=0.0: give degrees of visual angle, above 0",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 2 --crop-px 0",
        "crop_px=0: give the side of a square in pixels, or (top, left, height, width)",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 2 --protocol text",
        "protocol='text'; choose one of paper, authors, consistent",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 2 --regression lasso",
        "--regression 'lasso'; choose pls or ridge",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 2 --regression ridge --lambdas small",
        "--lambdas 'small': give numbers with commas, e.g. 1,2,3",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 2 --grouped category",
        "--grouped 'category'; choose movie, none or both",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 2 --population c",
        "movies.npz has no population 'c'; there are: a",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 2 --against nowhere.json",
        "against='nowhere.json' is no file; name a result of this study",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 2 --against other/x.json",
        "against='other/x.json': holds no predictivity; name a file that `measure predictivity` "
        "wrote",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 2 --results a-file",
        "--results a-file is a file; name a folder",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 2 --device gpu",
        "device='gpu' cannot be used here: …",
    ),
    (
        "measure predictivity nets.py:small --recording nowhere.npz --images digits --stimulus-"
        "deg 2",
        "path='nowhere.npz' does not exist; name the file of a recording",
    ),
    (
        "measure predictivity nets.py:small --recording good.npz --images digits --stimulus-deg 2",
        "…comes without its images, which the network must see",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images nowhere --stimulus-"
        "deg 2",
        "folder='nowhere' is not a folder; name one that holds images",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits --stimulus-deg"
        " 2 --grouped movie",
        "6 stimuli of 1 groups cannot be split into train and test, and the train part again: "
        "groups holds one label only; a split keeps each group on one side",
    ),
    (
        "measure all nets.py:small --images digits --stimulus-deg 4",
        "--stimulus-deg is of a recording; give --recording",
    ),
    (
        "measure all nets.py:small --images digits --recording v1.npz",
        "--recording without --stimulus-deg: say how many degrees its images are wide",
    ),
    (
        "measure all nets.py:small --images digits --without tunning",
        "without='tunning'; choose of spectra, tuning, pls, ridge, robustness",
    ),
    (
        "measure all nets.py:small --images digits --attacked 1",
        "attacked=1: give a whole number from 2 on",
    ),
    (
        "measure all nets.py:small --images digits --field-deg=-1",
        "field_deg=-1.0: give degrees of visual angle, above 0",
    ),
    (
        "measure all nets.py:small --images digits --batch-size 0",
        "batch_size=0: give a whole number from 1 on",
    ),
    (
        "measure all nets.py:small --images digits --splits 5",
        "--splits is of a recording; give --recording",
    ),
    (
        "measure all nets.py:small --images digits --without spectra,tuning,robustness",
        "without='spectra,tuning,robustness' leaves nothing to measure, for there is no recording",
    ),
    (
        "measure all nets.py:small --images digits --recording v1.npz --stimulus-deg 4 --quick "
        "--per-neuron",
        "--per-neuron is of ridge, which --quick leaves out; leave out one of the two",
    ),
    (
        "measure all nets.py:small --images digits --stands-for resnet51",
        "stands_for='resnet51' is none of the 40 networks; see `striate models list`",
    ),
    (
        "run kong2021 --images digits --model all=nets.py:small",
        "--model 'all=nets.py:small': one network is not all of them; give NAME=MODEL for each",
    ),
    (
        "run kong2021 --images digits --model alexnet=nets.py:a --model alexnet=nets.py:b",
        "--model 'alexnet=nets.py:b': alexnet is nets.py:a already; measure one of the two by "
        "`striate measure all nets.py:b --stands-for alexnet`",
    ),
    (
        "run kong2021 --images digits --model alexnet --weights-folder nowhere",
        "--weights-folder nowhere is not a folder",
    ),
    (
        "run kong2021 --images digits --model resnet51",
        "--model 'resnet51': 'resnet51' is none of the 40; see `striate models list`, or measure a "
        "network of your own by `striate measure all`",
    ),
    (
        "spectrum good.npz --ranks 1-2 --read start_s",
        "--read 'start_s': give a name and a value, e.g. start_s=0.04",
    ),
    (
        "spectrum good.npz --ranks 1-2 --read start_s=1",
        "start_s=1 is no option for good.npz, read by arrays; there are population",
    ),
    (
        "measure robustness small/cnn-1x8 --images digits --seed 0",
        "model='small/cnn-1x8' is untrained: give the weights that `striate train` writes, or "
        "in Python a seed, for random ones to train",
    ),
]

# What typer itself refuses, in its own frame; part of its words.
USAGE = [
    (
        "run gerum2023",
        "No such command 'gerum2023'",
    ),
    (
        "run gerum2022 --alpha 1",
        "No such option: --alpha",
    ),
    (
        "run gerum2022 --seeds two",
        "Invalid value for '--seeds'",
    ),
    (
        "run gerum2022 --learning-rate fast",
        "Invalid value for '--learning-rate'",
    ),
    (
        "teach",
        "No such command 'teach'",
    ),
    (
        "data verify",
        "Missing argument",
    ),
    (
        "spectrum good.npz",
        "Missing option",
    ),
    (
        "compare nets.py:small",
        "Missing argument",
    ),
    (
        "measure spectrum nets.py:small",
        "Missing option",
    ),
    (
        "measure predictivity nets.py:small --recording movies.npz --images digits",
        "Missing option",
    ),
    (
        "models layers",
        "Missing argument",
    ),
    (
        "measure tuning",
        "Missing argument",
    ),
    (
        "visualize nets.py:small 1 0",
        "Missing option",
    ),
    (
        "measure tuning nets.py:small --field-deg wide",
        "Invalid value for '--field-deg'",
    ),
]
