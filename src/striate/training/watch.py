"""Watch the spectra of any network in anybody's training loop, and leave the training alone."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from striate.layers import match
from striate.spectra import Units, Weights
from striate.training.reading import (
    Condensed,
    Measured,
    Reading,
    Settings,
    check,
    condense,
    measure,
    reading,
    sample,
)
from striate.training.sinks import Sink, opened, unheard

UNSEEN = (
    "no training pass was seen, that is one in training mode and with gradients: watch the object "
    "that is called; of a compiled model, what torch.compile returned"
)


@contextmanager
def watch(
    model: nn.Module,
    layers: str | Sequence[str],
    *,
    ranks: tuple[int, int],
    weights: Weights = "none",
    every: int = 100,
    gather: int = 1,
    stimuli: int = 512,
    units: Units = "flat",
    to: Sink | None = None,
) -> Iterator[list[Reading]]:
    """Measure the eigenspectra of some layers now and then while a network trains.

    Only passes in training mode and with gradients count: an evaluation disturbs nothing, and
    nothing of the training is disturbed. Weights, gradients and random numbers stay the same bits.
    A measurement that fails, on NaN or a dead layer, gives ``None`` and the reason.

    Parameters
    ----------
    model
        The object that the loop calls, with any wrappers: `DataParallel`, where the first replica
        to come is measured, `DistributedDataParallel`, where each process measures its own
        part of the batch, or what `torch.compile` returned, or what ``model.compile()`` changed.
    layers
        A name, a glob or a list of them (`striate.layers.match`).
    ranks
        First and last rank of the fit of α. No default: it moves α.
    weights
        As in `fit_power_law`. ``"none"`` makes the α watched the one that `SpectralPenalty` steers.
    every
        The first pass is measured, then each `every`-th.
    gather
        Put the rows of so many successive passes together: a batch of 32 cannot fill ranks 6–50.
        The network learns between them, so that what is measured is slightly blurred.
    stimuli
        At most so many rows are used, evenly spaced, for all of `gather` together.
    units
        What the units are. ``"flat"``: all that is not batch. ``"channels"``: axis 1 of
        (batch, channels, …), with positions as further samples. ``"features"``: the last axis of
        (batch, …, features), with tokens as further samples. ``"centre"``: each channel at the
        centre of its map.
    to
        Who gets each `Reading`: a function such as `print`; a path ending in ``.jsonl``, to which a
        line is added for each; or a TensorBoard ``SummaryWriter``.

    Yields
    ------
    readings
        A list that grows by one `Reading` per layer and measurement.

    Raises
    ------
    ValueError
        Before training starts: if `layers` fits nothing or a setting is out of range.

    Notes
    -----
    A pass that is measured runs uncompiled: hooks inside compiled code cost every pass. Its
    rounding then differs as compiled from eager code does, and its dropout masks may.

    Of a tuple or dict of outputs the first tensor is measured; of a layer that runs several times
    in a pass, the first run. What is recomputed by gradient checkpointing does not count again.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(20, 60), nn.Tanh(), nn.Linear(60, 2))
    >>> with watch(model, "1", ranks=(1, 10)) as readings:
    ...     loss = model(torch.randn(50, 20)).square().mean()
    >>> readings[0].stimuli, readings[0].alpha is None
    (50, False)
    """
    settings = Settings(ranks, weights, every, gather, stimuli, units)
    check(settings)
    chosen = match(model, layers)
    readings: list[Reading] = []
    with opened(to) as send:
        published = 0

        def publish(found: Reading) -> None:
            nonlocal published
            published += 1
            readings.append(found)
            send(found)

        watcher = _Watcher(model, chosen, settings, publish)
        with _around(model, watcher):
            yield readings
        if not published:
            why = UNSEEN if watcher.passes == 0 else _too_few(watcher.passes, settings)
            for name in chosen:
                publish(reading(0, name, settings, Measured(note=why), 0.0))


def _too_few(passes: int, settings: Settings) -> str:
    return (
        f"of {passes} training pass{'es' * (passes > 1)} none was read: a reading takes "
        f"{settings.gather} that end without an error"
    )


@dataclass
class _Seen:
    """What a layer did since the last reading."""

    rows: list[Tensor] = field(default_factory=list)
    condensed: Condensed | None = None
    runs: int = 0  # in the pass under way
    note: str = ""
    seconds: float = 0.0


class _Watcher:
    """Counts passes, and hangs hooks into those that are measured: others cost next to nothing."""

    def __init__(
        self,
        model: nn.Module | None,
        layers: dict[str, nn.Module],
        settings: Settings,
        publish: Callable[[Reading], None],
    ) -> None:
        self.model, self.layers, self.settings, self.publish = model, layers, settings, publish
        self.passes = 0
        self.due = 0  # the pass from which on the next reading begins
        self.first: int | None = None  # that of the reading under way
        self.open = ExitStack()  # of the pass under way, if it is measured
        self.measuring = False
        self.seen: dict[str, _Seen] = {}

    def __reduce__(self) -> tuple[object, ...]:
        """A copy of the model, deep or pickled, takes its hooks along, and is not watched."""
        return _Watcher, (None, {}, self.settings, unheard)

    def begin(self, module: nn.Module, _inputs: object = None) -> None:
        """Before the model runs."""
        # Inside compiled code this vanishes; that nothing was seen is said at the end.
        if torch.compiler.is_compiling() or module is not self.model:
            return
        if self.measuring:  # a pass that raised: the reading begins anew
            self.first = None
        self.release()
        # A checkpoint around the whole model runs it again during the backward pass.
        recomputed = torch._C._current_graph_task_id() != -1
        if not module.training or not torch.is_grad_enabled() or recomputed:
            return
        if self.first is None and self.passes >= self.due:
            self.first = self.passes
            self.seen = {name: _Seen() for name in self.layers}
        self.passes += 1
        if self.first is not None:
            self.hang_hooks()

    def hang_hooks(self) -> None:
        """Look at the layers until `release`."""
        self.measuring = True
        for name, layer in self.layers.items():
            self.seen[name].runs = 0
            self.open.callback(layer.register_forward_hook(partial(self.look, name)).remove)
        if "torch._dynamo" in sys.modules:  # else nothing is compiled, and importing it takes long
            self.open.enter_context(torch.compiler.set_stance("force_eager"))

    def release(self) -> None:
        """Remove the hooks of the layers."""
        self.measuring = False
        self.open.close()

    def look(self, name: str, _layer: nn.Module, _inputs: object, output: object) -> None:
        """After a layer ran."""
        started = time.perf_counter()
        seen = self.seen[name]
        seen.runs += 1
        if seen.runs == 1:
            try:
                with torch.no_grad():
                    _keep(seen, output, self.settings)
            except (ValueError, RuntimeError) as error:  # even of memory: the training goes on
                seen.note = _line(error)
        seen.seconds += time.perf_counter() - started

    def end(self, module: nn.Module, _inputs: object = None, _output: object = None) -> None:
        """After the model ran."""
        if torch.compiler.is_compiling() or module is not self.model or not self.measuring:
            return
        self.release()
        step, every = self.first, self.settings.every
        if step is None or self.passes - step < self.settings.gather:
            return
        self.first, self.due = None, (step // every + 1) * every
        for name, seen in self.seen.items():
            started = time.perf_counter()
            with torch.no_grad():
                found = _measured(seen, self.settings)
            seconds = seen.seconds + time.perf_counter() - started
            self.publish(reading(step, name, self.settings, found, seconds))
        self.seen = {}


@contextmanager
def _around(model: nn.Module, watcher: _Watcher) -> Iterator[None]:
    """Let `watcher` know of each call of `model` while the block runs."""
    with ExitStack() as stack:
        stack.callback(watcher.release)
        compiled = model._compiled_call_impl
        if compiled is None:
            hook = model.register_forward_pre_hook(watcher.begin, prepend=True)
            stack.callback(hook.remove)
            stack.callback(model.register_forward_hook(watcher.end).remove)
        else:  # by model.compile(), with its hooks inside the compiled code

            def call(*args: object, **kwargs: object) -> object:
                watcher.begin(model)
                output = compiled(*args, **kwargs)
                watcher.end(model)
                return output

            stack.callback(setattr, model, "_compiled_call_impl", compiled)
            model._compiled_call_impl = call
        yield


def _keep(seen: _Seen, output: object, settings: Settings) -> None:
    """Take rows of one run; once there are enough, keep their products in place of them."""
    tensor, others = _first(output)
    if tensor is None:
        raise ValueError(f"it put out a {type(output).__name__} without a tensor")
    seen.note = f"the first of {others} outputs" if others > 1 else ""
    rows = sample(tensor, units=settings.units, most=settings.stimuli // settings.gather)
    seen.rows.append(rows)
    if len(seen.rows) == settings.gather:
        seen.condensed = condense(torch.cat(seen.rows))
        seen.rows = []


def _first(output: object) -> tuple[Tensor | None, int]:
    """Return the first tensor in what a layer put out, and among how many things it was."""
    if isinstance(output, Tensor):
        return output, 1
    if isinstance(output, Mapping):
        output = tuple(output.values())
    if not isinstance(output, (tuple, list)):
        return None, 0
    tensors = (_first(part)[0] for part in output)
    return next((tensor for tensor in tensors if tensor is not None), None), len(output)


def _measured(seen: _Seen, settings: Settings) -> Measured:
    found, notes = Measured(), [seen.note]
    try:
        if seen.rows:  # one of the passes gathered failed
            seen.condensed = condense(torch.cat(seen.rows))
        if seen.condensed is not None:
            found = measure(seen.condensed, ranks=settings.ranks, weights=settings.weights)
    except (ValueError, RuntimeError) as error:
        notes.append(_line(error))
    if seen.runs != 1:
        notes.append(f"the first of {seen.runs} runs" if seen.runs else "it did not run")
    return found._replace(note="; ".join(note for note in (found.note, *notes) if note))


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0]
