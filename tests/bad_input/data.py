"""Wrong calls of striate.datasets, and the message of the ValueError of each."""

TITLE = "striate.datasets"

# What the expressions are made of.
SETUP = """\
from pathlib import Path

from striate import datasets


def read(name, **options):
    return datasets.recording(Path(name), **options)


def read_mat(name, **options):
    return datasets.recording(Path(name), **({"spontaneous": 2} | options))


def read_pickle(name, **options):
    return datasets.recording(Path(name), **({"types": ["original"]} | options))


def read_nwb(name, **options):
    return datasets.recording(Path(name), start_s=0.0, length_s=1.0, **options)


def photographs(name, **options):
    return datasets.images(Path(name), **options)
"""

CASES = [
    (
        "datasets.digits('validation')",
        "there is no split 'validation'; type 'train' or 'test'",
    ),
    (
        "datasets.mnist('test', root=Path('nowhere'))",
        "root names nowhere, which is not a folder; correct it or leave it out",
    ),
    (
        "datasets.mnist('test', root=Path('no-data'))",
        "mnist is not in no-data; type `striate data fetch mnist` where there is a network, or "
        "set STRIATE_DATA to a folder that holds it",
    ),
    (
        "datasets.cifar10('train', root=Path('bad-cifar10'))",
        "bad-cifar10/cifar-10-batches-bin holds no train images, that is none of "
        "data_batch_1.bin, data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, "
        "data_batch_5.bin; add them, or type `striate data fetch cifar10` and unset STRIATE_DATA",
    ),
    (
        "datasets.cifar10('test', root=Path('bad-cifar10'))",
        "bad-cifar10/cifar-10-batches-bin/test_batch.bin holds 100 bytes, not a whole number of "
        "records of 3073; delete it and type `striate data fetch cifar10`",
    ),
    (
        "datasets.verify('cifar100')",
        "there is no data set 'cifar100'; did you mean 'cifar10'? there are digits, mnist, cifar10",
    ),
    (
        "datasets.locate(['mnist'])",
        "there is no data set ['mnist']; did you mean 'mnist'? there are digits, mnist, cifar10",
    ),
    (
        "datasets.present(None, None, size=8)",
        "presentation=None is a NoneType; give a Presentation, such as CADENA2019",
    ),
    (
        "datasets.present(None, datasets.CADENA2019, size=True)",
        "size=True: give a whole number from 1 on",
    ),
    (
        "datasets.digits('val')",
        "there is no split 'val'; type 'train' or 'test'",
    ),
    (
        "datasets.mnist('train', root='')",
        "root is empty text; give a path",
    ),
    (
        "photographs('nowhere')",
        "folder='nowhere' is not a folder; name one that holds images",
    ),
    (
        "datasets.images(None)",
        "folder=None is a NoneType; give a path",
    ),
    (
        "photographs('some-images', interpolation='nearest')",
        "interpolation='nearest'; choose 'bilinear' or 'bicubic'",
    ),
    (
        "photographs('no-images')",
        "no-images holds no image, that is no .bmp, .gif, .jpeg, .jpg, .pgm, .png, .ppm, .tif, "
        ".tiff, .webp",
    ),
    (
        "photographs('bad-images')",
        "bad-images: 1 of 1 images cannot be read; the first is a.png: cannot identify image "
        "file …",
    ),
    (
        "photographs('deep-images')",
        "deep-images: 1 of 1 images cannot be read; the first is a.png: its mode is I;16, not 8 "
        "bits per channel",
    ),
    (
        "photographs('some-images', n=2, seed=0)",
        "some-images: 1 of 2 images cannot be read, and n=2 are wanted; the first is a.png: "
        "cannot identify image file …",
    ),
    (
        "photographs('some-images', n=3, seed=0)",
        "n=3 of 2 images; draw at least 1 and no more than there are",
    ),
    (
        "photographs('some-images', n=1)",
        "n=1 images are drawn at random; give a seed",
    ),
    (
        "photographs('some-images', seed=0)",
        "seed=0 without n, how many images to draw",
    ),
    (
        "photographs('some-images', crop=22.4)",
        "crop=22.4: give a whole number from 1 on",
    ),
    (
        "photographs('some-images', crop=True)",
        "crop=True: give a whole number from 1 on",
    ),
    (
        "photographs('some-images', crop=None)",
        "crop=None: give a whole number from 1 on",
    ),
    (
        "photographs('some-images', batch_size=0)",
        "batch_size=0: give a whole number from 1 on",
    ),
    (
        "read('nowhere.npz')",
        "path='nowhere.npz' does not exist; name the file of a recording",
    ),
    (
        "read('empty')",
        "path='empty' is a folder; name the file of a recording",
    ),
    (
        "datasets.recording(b'good.npz')",
        "path=b'good.npz' is a bytes; give a path",
    ),
    (
        "read('a-file')",
        "a-file is in no format that is understood; these are: npz and HDF5 (arrays 'responses' "
        "or 'responses_<population>'), the npz of Hénaff et al. 2021, the .mat of Stringer et "
        "al. 2019, the .pkl of Cadena et al. 2019, and NWB",
    ),
    (
        "read('cut.npz')",
        "cut.npz is neither an npz nor an HDF5 file; write one with numpy.savez(path, "
        "responses=array)",
    ),
    (
        "read('altered.npz')",
        "altered.npz: array 'responses' cannot be read: Bad CRC-32…",
    ),
    (
        "read('cut.h5')",
        "cut.h5 is a damaged HDF5 file: …",
    ),
    (
        "read('nothing.npz')",
        "nothing.npz holds neither an array 'responses' nor any 'responses_<population>', but "
        "nothing; see docs/recordings.md",
    ),
    (
        "read('other-name.npz')",
        "other-name.npz holds neither an array 'responses' nor any 'responses_<population>', but "
        "activity; see docs/recordings.md",
    ),
    (
        "read('two-axes.npz')",
        "two-axes.npz: responses is float64 of shape (6, 4); it must hold numbers of shape "
        "(repeats, stimuli, units)",
    ),
    (
        "read('text.npz')",
        "text.npz: responses is <U4 of shape (1, 1, 1); it must hold numbers of shape (repeats, "
        "stimuli, units)",
    ),
    (
        "read('infinite.npz')",
        "infinite.npz: responses holds 48 infinite numbers; write NaN for trials that were not "
        "recorded",
    ),
    (
        "read('only-nan.npz')",
        "only-nan.npz: responses holds no response, only NaN",
    ),
    (
        "read('objects.npz')",
        "objects.npz: array 'responses' cannot be read: Object arrays cannot be loaded when "
        "allow_pickle=False",
    ),
    (
        "read('two-scales.nc')",
        "two-scales.nc: scale_factor of responses is float64 of shape (2,); it must be one number",
    ),
    (
        "read('no-offset.nc')",
        "no-offset.nc: add_offset of responses is nan; it must be finite",
    ),
    (
        "read('scale-zero.nc')",
        "scale-zero.nc: scale_factor of responses is 0, which makes all responses alike; it must "
        "be what numbers are to be multiplied by",
    ),
    (
        "read('large-fill.nc')",
        "large-fill.nc: _FillValue of responses is 40000, which no int16 is; store it as int16",
    ),
    (
        "read('few-images.npz')",
        "few-images.npz: images has 5 entries for 6 stimuli",
    ),
    (
        "read('bright-images.npz')",
        "bright-images.npz: images is float64 from 255.0 to 255.0; give 8-bit integers, or "
        "floating-point numbers in [0, 1]",
    ),
    (
        "read('channels-last.npz')",
        "channels-last.npz: images has shape (6, 8, 8, 3); it must be (stimuli, height, width), "
        "or (stimuli, channels, height, width) with 1 or 3 channels",
    ),
    (
        "read('one-pixel.npz')",
        "one-pixel.npz: images has 0 entries for 6 stimuli",
    ),
    (
        "read('few-names.npz')",
        "few-names.npz: image_ids has 3 entries for 6 stimuli",
    ),
    (
        "read('unlike.npz')",
        "unlike.npz: populations of shapes {'responses_a': (2, 6, 4), 'responses_b': (2, 3, 4)} "
        "have no stimuli in common; choose one with population=",
    ),
    (
        "read('two.npz', population='c')",
        "two.npz has no population 'c'; there are: a, b",
    ),
    (
        "read('good.npz', population='a')",
        "good.npz has no population 'a'; there are: only one, without name",
    ),
    (
        "read('good.npz', start_s=0.0)",
        "start_s=0.0 is no option for good.npz, read by arrays; there are population",
    ),
    (
        "read('few-movies.npz')",
        "few-movies.npz: zoom_category_movie_frame refers to movies 7 to 7, counted from 0, and "
        "there are 1",
    ),
    (
        "read('movies.npz', population='z')",
        "movies.npz has no population 'z'; there are: a",
    ),
    (
        "read('movies.npz', categories='natural')",
        "categories='natural'; choose from natural, synthetic, as a list",
    ),
    (
        "read('movies.npz', categories=['nature'])",
        "categories=['nature']; choose from natural, synthetic, as a list",
    ),
    (
        "datasets.henaff2021(Path('good.npz'))",
        "good.npz is not the file of Hénaff et al. 2021: it has no 'images'",
    ),
    (
        "read_mat('cut.mat')",
        "cut.mat cannot be read: it does not begin as MATLAB 5 to 7.2 do (save -v6, save -v7)",
    ),
    (
        "read_mat('no-stim.mat')",
        "no-stim.mat has no variable 'stim', as the .mat of Stringer et al. 2019 has; it has "
        "other. A recording of your own is read from npz or HDF5 (docs/recordings.md)",
    ),
    (
        "read_mat('no-spont.mat')",
        "no-spont.mat: stim is no struct with a field 'spont'; it has ('resp',)",
    ),
    (
        "read_mat('few-identities.mat')",
        "few-identities.mat: stim.resp has shape (10, 5) and stim.istim 3 entries; there must be "
        "one identity, counted from 1, for each row",
    ),
    (
        "read_mat('from-zero.mat')",
        "from-zero.mat: stim.resp has shape (10, 5) and stim.istim 10 entries; there must be one "
        "identity, counted from 1, for each row",
    ),
    (
        "read_mat('nan-identities.mat')",
        "nan-identities.mat: stim.resp has shape (10, 5) and stim.istim 10 entries; there must "
        "be one identity, counted from 1, for each row",
    ),
    (
        "read_mat('only-blank.mat', repeats='presentations')",
        "only-blank.mat: no image was presented at all, only the blank",
    ),
    (
        "read_mat('nan.mat')",
        "nan.mat: stim.resp holds 50 NaN, which the projection would spread over all cells; "
        "nan_as_zero=True sets them to 0",
    ),
    (
        "read_mat('infinite.mat')",
        "infinite.mat: stim.resp holds infinite numbers",
    ),
    (
        "read_mat('good.mat', spontaneous=32)",
        "spontaneous=32: good.mat has 8 times x 5 cells of spontaneous activity; remove fewer "
        "directions than either",
    ),
    (
        "read_mat('good.mat', spontaneous=1.5)",
        "spontaneous=1.5: good.mat has 8 times x 5 cells of spontaneous activity; remove fewer "
        "directions than either",
    ),
    (
        "read_mat('good.mat', spontaneous=True)",
        "spontaneous=True: good.mat has 8 times x 5 cells of spontaneous activity; remove fewer "
        "directions than either",
    ),
    (
        "read_mat('good.mat', blank=1)",
        "blank=1: good.mat has identities up to …; give the identity of the blank, one more than "
        "there are images",
    ),
    (
        "read_mat('good.mat', blank=True)",
        "blank=True: good.mat has identities up to …; give the identity of the blank, one more "
        "than there are images",
    ),
    (
        "read_mat('good.mat', repeats='thirds')",
        "repeats='thirds'; choose 'halves' or 'presentations'",
    ),
    (
        "read_mat('good.mat', red_cells=False)",
        "good.mat has no variable 'stat', as the .mat of Stringer et al. 2019 has; it has "
        "stim. A recording of your own is read from npz or HDF5 (docs/recordings.md)",
    ),
    (
        "read_mat('good.mat', images=Path('nowhere.mat'))",
        "images='nowhere.mat' does not exist; name the file of the stimuli",
    ),
    (
        "datasets.stringer2019(Path('good.h5'))",
        "good.h5 cannot be read: it does not begin as MATLAB 5 to 7.2 do (save -v6, save -v7)",
    ),
    (
        "read_pickle('cut.pkl')",
        "cut.pkl is not a pickle of arrays: it ends too early",
    ),
    (
        "read_pickle('a-list.pkl')",
        "a-list.pkl is not the file of Cadena et al. 2019: it has no 'images'",
    ),
    (
        "read_pickle('hostile.pkl')",
        "hostile.pkl asks for posix.system, which is not run: only numpy arrays and builtin "
        "containers are read",
    ),
    (
        "read_pickle('few-types.pkl')",
        "few-types.pkl does not hold one entry per image: {'images': 6, 'responses': 6, "
        "'image_types': 5}",
    ),
    (
        "read_pickle('bright.pkl')",
        "bright.pkl: images runs from 300.0 to 300.0, not 0 to 255",
    ),
    (
        "read_pickle('only-nan.pkl')",
        "only-nan.pkl has no image of types original that was shown to each neuron at least twice",
    ),
    (
        "read_pickle('good.pkl', types=['conv1'])",
        "types=['conv1']; choose from original, as a list",
    ),
    (
        "read_pickle('good.pkl', types='original')",
        "types='original'; choose from original, as a list",
    ),
    (
        "read_pickle('good.pkl', types=[['original']])",
        "types=[['original']]; choose from original, as a list",
    ),
    (
        "read_pickle('good.pkl', types=['original', 'original'])",
        "types=['original', 'original'] names one twice, which would double its stimuli; name "
        "each once",
    ),
    (
        "read_pickle('good.pkl', protocol='text')",
        "protocol='text'; choose 'paper' or 'authors'",
    ),
    (
        "datasets.cadena2019(Path('good.npz'))",
        "good.npz is not a pickle of arrays: UnpicklingError: …",
    ),
    (
        "read('good.nwb')",
        "good.nwb, read by nwb, needs start_s and length_s",
    ),
    (
        "read('good.nwb', start_s=0.0, length_s=0.0)",
        "start_s=0.0, length_s=0.0: give a window of positive length, in seconds",
    ),
    (
        "read('good.nwb', start_s='0', length_s=1.0)",
        "start_s='0', length_s=1.0: give a window of positive length, in seconds",
    ),
    (
        "read_nwb('no-units.nwb')",
        "no-units.nwb has no units/spike_times; there: no such group, or nothing in it",
    ),
    (
        "read_nwb('no-tables.nwb')",
        "no-tables.nwb has 0 tables of intervals: none; name the one of the stimuli, table=…",
    ),
    (
        "read_nwb('two-tables.nwb')",
        "two-tables.nwb has 2 tables of intervals: epochs, trials; name the one of the stimuli, "
        "table=…",
    ),
    (
        "read_nwb('good.nwb', table='epochs')",
        "good.nwb has no intervals/epochs; there are: trials",
    ),
    (
        "read_nwb('good.nwb', stimulus='image')",
        "good.nwb has no intervals/trials/image; there: start_time, stimulus_id, stop_time",
    ),
    (
        "read_nwb('good.nwb', drop='blank')",
        "drop='blank'; choose from the stimuli of good.nwb, intervals/trials, as a list of text: "
        "0, 1",
    ),
    (
        "read_nwb('good.nwb', drop=['blank'])",
        "drop=['blank']; choose from the stimuli of good.nwb, intervals/trials, as a list of "
        "text: 0, 1",
    ),
    (
        "read_nwb('good.nwb', drop=None)",
        "drop=None; choose from the stimuli of good.nwb, intervals/trials, as a list of text: 0, 1",
    ),
    (
        "read_nwb('good.nwb', drop=[0])",
        "drop=[0]; choose from the stimuli of good.nwb, intervals/trials, as a list of text: 0, 1",
    ),
    (
        "read_nwb('good.nwb', drop=['0', '1'])",
        "good.nwb: intervals/trials holds no stimulus in column 'stimulus_id'",
    ),
    (
        "read_nwb('bad-index.nwb')",
        "bad-index.nwb: units/spike_times_index does not cut up 4 spike_times",
    ),
    (
        "read_nwb('text-spikes.nwb')",
        "text-spikes.nwb: units/spike_times is <U5 of shape (4,); it must hold numbers along 1 "
        "axis",
    ),
    (
        "read_nwb('nan-onsets.nwb')",
        "nan-onsets.nwb: intervals/trials/start_time is not finite everywhere",
    ),
    (
        "read_nwb('invalid.nwb', table='invalid_times')",
        "table='invalid_times' says when invalid.nwb is not to be used, and not what was shown; "
        "there are: trials",
    ),
    (
        "read_nwb('invalid.nwb')",
        "invalid.nwb: every presentation of intervals/trials overlaps intervals/invalid_times; "
        "there is nothing to count",
    ),
    (
        "read_nwb('bad-invalid.nwb')",
        "bad-invalid.nwb: intervals/invalid_times has 1 start_time and 1 stop_time; there must be "
        "one of each for an interval, the start not after the stop",
    ),
    (
        "read_nwb('few-stops.nwb')",
        "few-stops.nwb: intervals/trials/stop_time has 2 entries for 4 presentations",
    ),
    (
        "read_nwb('few-stimuli.nwb')",
        "few-stimuli.nwb: intervals/trials/stimulus_id is int64 of shape (2,); it must name one "
        "stimulus for each of 4 presentations",
    ),
    (
        "datasets.nwb(Path('good.npz'), start_s=0.0, length_s=1.0)",
        "good.npz is not an NWB file, which would be HDF5",
    ),
    (
        "datasets.populations(Path('a-file'))",
        "a-file is neither an npz nor an HDF5 file; write one with numpy.savez(path, "
        "responses=array)",
    ),
]
