"""What the section says first: what is published, what was measured, and where yours stands."""

from collections.abc import Sequence

from striate import statistics
from striate.report.ends import spread_text
from striate.report.kong2021.analysis import EVERY, ROBUST, USUAL, analyse
from striate.report.kong2021.found import Together
from striate.report.kong2021.networks import Network
from striate.report.kong2021.panels import Drawn, published_panel
from striate.report.kong2021.published import Printed, printed, rows
from striate.report.kong2021.shown import Part, Shown, published_part
from striate.report.kong2021.words import (
    ALPHA,
    ATTACKED,
    FREQUENCY,
    NAMES,
    PREDICTED,
    REGRESSIONS,
    correlation_text,
    interval_text,
    minus,
    p_text,
    paired_text,
    printed_p,
    rank_text,
)
from striate.report.words import listed, percent, plural
from striate.results import Score
from striate.statistics import Correlation, Paired

LEVEL = 0.05  # of p, above which a correlation shows no sign, whatever its interval
CLASSES, PIXELS = 900, 200  # fewest for which accuracies are like those of 1000 classes and 224
MOST = 3  # networks of the user's that are spoken of one by one


def findings(there: Sequence[Together], drawn: Sequence[Shown]) -> list[str]:
    """Return the sentences, the published table first.

    Parameters
    ----------
    there
        The sets of networks.
    drawn
        Their figures.
    """
    said = [of_table(), of_groups()]
    for together in there:
        about = f"{together.label}: " if together.label else ""
        panels = [
            (one.figure, part) for one in drawn if one.together is together for part in one.parts
        ]
        sentences = [of_number(together), *(of_panel(*one) for one in panels if one[0].number)]
        yours = [one for one in together.networks if one.entry is None]
        if len(yours) <= MOST:  # of more than a few, the table says where each stands
            sentences += [of_yours(one, together) for one in yours]
        said += [about + sentence for sentence in sentences if sentence]
    return said


def of_table() -> str:
    """Say what the 40 published rows show."""
    every = published_part().analysis.correlations[EVERY]
    rest = [dot for dot in published_panel().dots if dot.name != "alexnet"]
    without = analyse(rest).correlations[EVERY]
    assert isinstance(every, Correlation)  # of 40 rows that vary, and of 39
    assert isinstance(without, Correlation)
    paper = printed()[ATTACKED, PREDICTED, "pls"]
    return (
        "Over the 40 published networks, those that withstand small attacks predict V1 better: "
        f"{correlation_text(every)}. The paper prints R = {paper.r:.3f}; its table is rounded. "
        f"Without AlexNet R is {without.r:.3f}."
    )


def of_groups() -> str:
    """Say how much of it is a difference between two groups."""
    panel, _, found = published_part()
    robust, usual = ([dot.y for dot in panel.dots if dot.robust is kind] for kind in (True, False))
    apart = statistics.between(robust, usual)
    groups = ((name, found.correlations[name]) for name in (USUAL, ROBUST))
    inner = [
        f"{one.r:.3f} over the {one.n} {name} ones"
        for name, one in groups
        if isinstance(one, Correlation)
    ]
    assert isinstance(found.pairs, Paired)  # 14 of them
    return (
        "Much of that is one group against another. The robust networks predict V1 better by "
        f"{apart.difference:.3f} ({interval_text(apart, 3)}; Mann and Whitney’s {p_text(apart.p)});"
        f" within the groups R is {listed(inner)}. Robust less its own base: "
        f"{paired_text(found.pairs)}."
    )


def of_number(together: Together) -> str:
    """Say how many networks were measured."""
    stand = {one.entry for one in together.networks if one.entry is not None}
    yours = sum(one.entry is None for one in together.networks)
    parts = [f"{plural(len(stand), 'row')} of the table"] if stand else []
    parts += [f"{plural(yours, 'network')} that the table does not have"] if yours else []
    if not parts:
        return "No network was measured here."
    quick = " (quick settings)" if together.settings.get("quick") else ""
    return f"Measured here{quick}: {listed(parts)}."


def of_panel(figure: Drawn, part: Part) -> str:
    """Set what was measured beside what the paper prints; nothing where there is no R."""
    every, panel = part.analysis.correlations[EVERY], part.panel
    if not isinstance(every, Correlation):
        return ""
    paper = printed()[panel.x, panel.y, panel.regression]
    p = printed_p(paper.p, is_bound=paper.is_bound)
    return minus(
        f"Figure {figure.number}{panel.letter}, {NAMES[panel.x]} and {NAMES[panel.y]}: measured "
        f"R = {every.r:.2f} ({p_text(every.p)}; {interval_text(every, 2)}, n = {every.n}), "
        f"published R = {paper.r:.2f} ({p}, n = 40): {_verdict(every, paper)}."
    )


def _verdict(every: Correlation, paper: Printed) -> str:
    """Compare the signs of two correlations, as far as these show one."""
    if every.low != every.low:  # NaN
        return "without an interval"
    if every.low <= 0 <= every.high or not every.p < LEVEL:  # the interval is of another method
        return "neither sign is shown"
    if paper.p > LEVEL:
        return "the published one shows no sign"
    return "the same sign" if (every.r > 0) == (paper.r > 0) else "the other sign"


def of_yours(one: Network, together: Together) -> str:
    """Say where a network of the user's stands."""
    places = []
    attacked = one.of(ATTACKED, "")
    if attacked is not None:
        places.append(f"adversarial accuracy {percent(attacked.value)}{_among(one, attacked)}")
    for name in (PREDICTED, ALPHA, FREQUENCY):
        regression = next((r for r in REGRESSIONS if one.of(name, r)), "")
        mine = one.of(name, regression)
        if mine is None:
            continue
        theirs = [
            score
            for other in together.networks
            if other is not one and (score := other.of(name, regression))
        ]
        error = f" {spread_text(mine, 3)}".rstrip()
        other = "other" if len(theirs) == 1 else "others"
        rank = f", {rank_text(mine, theirs)} {other} measured alike" if theirs else ""
        places.append(minus(f"{NAMES[name]} {mine.value:.3f}{error}{rank}"))
    return f"{one.name}: {'; '.join(places) or 'none of these numbers was measured'}."


def _among(one: Network, attacked: Score) -> str:
    """Rank an accuracy among the published ones; only say of what it is where these are of more."""
    size = one.settings.get("size")
    pixels = size if isinstance(size, int) else 0
    if (one.classes or 0) >= CLASSES and pixels >= PIXELS:
        published = [row.values[ATTACKED] for row in rows().values()]
        return f", {rank_text(attacked, published)} published (on other photographs)"
    chance = (
        f"by chance {percent(1 / one.classes)}, of {one.classes} classes"
        if one.classes
        else "of how many classes, no result here says"
    )
    images = f"; images of {pixels} pixels" if pixels else ""
    return f" ({chance}{images}; not ranked among the published, of 1000 classes and 224 pixels)"
