"""Slips for random networks: every line that can go wrong, written with the names of `random_networks.Names`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from random_networks import SMOOTH, SQUARED, Names, network, rngs


@dataclass(frozen=True)
class Slip:
    """A wrong line: the term it computes, what stands there instead, which networks have it, and other names for it."""

    term: str
    line: Callable[[Names], str]
    acts: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    sizes: str = ""
    where: str = ""  # "upper" not the first layer, "hidden" not the last, "below" that below the last, "skipped" over
    plan: dict[str, Any] = field(default_factory=dict)
    stops: bool = False  # the next line raises
    whole: bool = False  # softmax is taken over the whole batch in the forward pass


MEAN = {"reduce": "mean", "inside": False}
ALL_RETURNED = {"returned": "all", "hand": "course", "keep": 0}
UNFUSED, FUSED, DROPOUT, DECAY = {"fused": False}, {"fused": True}, {"keep": 0.8}, {"lam": 0.7}
SKIP = {"skip": True, "keep": 0}


def slope_of(text: str) -> Callable[[Names], str]:
    """dZ with something else in the place of g'(Z)."""
    return lambda n: f"{n.dA} * {text.format(n=n)}{n.rest}"


def output_of(text: str) -> Callable[[Names], str]:
    return lambda n: f"{n.dA} * {text.format(n=n)}"


def bare(n: Names) -> str:
    return n.product(n.dZ, n.below.a)


SLIPS = {
    "A1": Slip("dW", lambda n: bare(n) + n.decay, plan=MEAN, also=("E11",)),
    "A2": Slip("dZ", lambda n: n.right("dZ") + " / m", plan={"reduce": "mean"}),
    "A2 in dW": Slip("dW", lambda n: f"({bare(n)}{n.after}) / m{n.decay}", plan={"reduce": "mean"}, also=("E11",)),
    "A3": Slip("dL", lambda n: n.right("dL") + f" * {n.plan.sizes[-1]}", (), ("mse", "half"), sizes="three",
               plan={"reduce": "all"}),
    "A3 extra": Slip("dL", lambda n: n.right("dL") + f" / {n.plan.sizes[-1]}", (), ("mse", "half"), sizes="three",
                     plan={"reduce": "mean"}),
    "A4": Slip("dL", lambda n: n.right("dL").replace("2 * ", ""), (), ("mse", "sigmoid mse"), ("F5",)),
    "A5": Slip("dL", lambda n: "2 * " + n.right("dL"), (), ("half", "sigmoid half")),
    "A7": Slip("dW", lambda n: f"({bare(n)}) / m{n.decay}", plan={"reduce": "sum"}, also=("E11",)),
    "A8": Slip("dW", lambda n: f"5 * ({bare(n)}){n.after}{n.decay}"),
    "A8 in db": Slip("db", lambda n: f"4 * {n.total(n.dZ)}{n.after}{n.b_decay}"),
    "A9": Slip("dW", lambda n: f"{bare(n)} / X.shape[{n.units}]{n.decay}", plan=MEAN, also=("A8",)),
    "A10": Slip("dZ", lambda n: f"{n.dA} * {n.slope} * {n.mask}", plan=DROPOUT),
    "A11": Slip("dZ", lambda n: f"{n.dA} * {n.slope} / {n.plan.keep}", plan=DROPOUT),
    "A12": Slip("dZ", lambda n: f"{n.dA} * {n.slope} * (np.random.default_rng(7).random({n.dA}.shape) < 0.8) / 0.8",
                plan=DROPOUT),
    "A13": Slip("dW", lambda n: bare(n) + n.after, plan=DECAY),
    "A14": Slip("dW", lambda n: bare(n) + n.after + n.decay.replace("+ ", "+ 2 * "), plan=DECAY),
    "A15": Slip("db", lambda n: n.total(n.dZ) + n.after + f" + {n.plan.lam} / m * {n.b}",
                plan=DECAY | {"bias_too": False}),
    "A16": Slip("db", lambda n: n.total(n.dZ) + n.after, plan=DECAY | {"bias_too": True}),
    "B1": Slip("dZ", slope_of("sigmoid({n.a}) * (1 - sigmoid({n.a}))"), ("sigmoid",)),
    "B2": Slip("dZ", slope_of("{n.z} * (1 - {n.z})"), ("sigmoid",)),
    "B3": Slip("dZ", slope_of("(1 - {n.z}**2)"), ("tanh",)),
    "B4": Slip("dZ", slope_of("(1 - np.tanh({n.a})**2)"), ("tanh",)),
    "B5": Slip("dZ", slope_of("sigmoid({n.a})"), ("softplus",)),
    "B6": Slip("dZ", slope_of("{n.activation}"), (*SMOOTH, "relu")),
    "B7": Slip("dZ", slope_of("1.0"), (*SMOOTH, "leaky", "relu"), also=("B11",)),
    "B8": Slip("dO", output_of("1.0"), (), SQUARED, plan=UNFUSED, also=("F5",)),
    "B9": Slip("dO", lambda n: f"({n.a} - Y) * {n.a} * (1 - {n.a}){n.over if n.plan.inside else ''}", (), ("bce",),
               plan=UNFUSED),
    "B11": Slip("dZ", slope_of("({n.a} >= 0)"), ("relu",), also=("B7",)),
    "B12": Slip("dZ", slope_of("({n.z} < 0)"), ("relu",)),
    "B15": Slip("dZ", slope_of("{n.slope} * {n.z}"), SMOOTH),
    "B16": Slip("dZ", lambda n: f"{n.dA} @ ({n.slope})", SMOOTH, sizes="m", plan={"keep": 0}),
    "B17": Slip("dZ", slope_of("{n.slope} * {n.a}"), SMOOTH, also=("B21",), plan={"keep": 0}),
    "B18": Slip("dZ", lambda n: n.slope, SMOOTH, plan={"keep": 0}),
    "B19": Slip("dZ", lambda n: f"{n.dA} / ({n.slope})", SMOOTH, plan={"keep": 0}),
    "B20": Slip("dZ", slope_of("{n.a} * (1 - {n.a})"), ("tanh", "softplus"), plan={"keep": 0}),
    "B20 relu": Slip("dZ", slope_of("({n.z} > 0)"), ("tanh", "sigmoid", "leaky")),
    "B21": Slip("dZ", slope_of("(1 - {n.a})"), ("sigmoid", "tanh"), plan={"keep": 0}),
    "C1": Slip("dO", output_of("{n.a} * (1 - {n.a})"), (), ("ce",), plan=UNFUSED),
    "C2": Slip("dO", output_of("{n.a}"), (), ("ce",), plan=UNFUSED),
    "C3": Slip("dO", lambda n: n.softmax(n.examples), (), ("ce",), plan=UNFUSED),
    "C4": Slip("dO", output_of("1.0"), (), ("ce",), plan=UNFUSED),
    "C5": Slip("dL", lambda n: n.right("dL"), (), ("ce",), plan=FUSED, whole=True),
    "D1": Slip("dA", lambda n: f"W = {n.above.W} - 0.5 * {n.above.dW}\n{n.dA} = {n.back('W', n.above.dZ)}"),
    "D2": Slip("dA", lambda n: n.back(n.above.W, f"({n.above.a} - Y)"), (), SQUARED, where="below", plan=UNFUSED),
    "D3": Slip("dW", lambda n: n.product(n.above.dZ, n.below.a) + n.after + n.decay, sizes="same", where="hidden",
               plan={"hand": "course"}),
    "D4": Slip("dW", lambda n: n.product(n.dZ, n.below.z) + n.after + n.decay, (*SMOOTH, "relu"), where="upper"),
    "D5": Slip("dW", lambda n: n.product(n.dZ, n.below.below.a) + n.after + n.decay, sizes="m", where="upper"),
    "D6": Slip("dA", lambda n: n.back(n.W, n.above.dZ), sizes="m"),
    "D7": Slip("dA", lambda n: n.right("dA").removesuffix(n.around), where="skipped", sizes="same", plan=SKIP),
    "D7 skip alone": Slip("dA", lambda n: n.around.removeprefix(" + "), where="skipped", sizes="same",
                          plan=SKIP | {"hand": "course"}),
    "D8": Slip("dW", lambda n: n.product(n.dA, n.below.a) + n.after + n.decay, SMOOTH, where="hidden",
               plan={"keep": 0}),
    "D9": Slip("dA returned", lambda n: f"{n.dA} = ({n.right('dA')}) * {n.slope}\n{n.dZ} = {n.dA}", SMOOTH,
               plan=ALL_RETURNED),
    "D10": Slip("dZ", slope_of("{n.slope} * {n.slope}"), SMOOTH),
    "D11": Slip("dA", lambda n: n.with_ones_back(n.above.W, n.above.dZ), stops=True),
    "D11 folded": Slip("dA", lambda n: n.back(n.above.W, n.above.dZ), plan={"folded": True}, stops=True),
    "E1": Slip("db", lambda n: f"np.sum({n.dZ}){n.after}{n.b_decay}", sizes="many"),
    "E2": Slip("db", lambda n: f"np.sum({n.dZ}, axis={n.units}, keepdims=True){n.after}{n.b_decay}"),
    "E3": Slip("db", lambda n: f"{n.dZ}{n.after}{n.b_decay}"),
    "E4": Slip("db", lambda n: f"np.sum({n.dZ}, axis=1){n.after}", sizes="many", plan={"rows": False, "lam": 0}),
    "E5": Slip("dW", lambda n: f"{n.dZ} * {n.below.a}.T{n.after}{n.decay}", sizes="m"),
    "E6": Slip("dW", lambda n: f"({bare(n)}).T{n.after}", plan={"lam": 0}, sizes="many"),
    "E8": Slip("dW", lambda n: n.mixed(n.dZ, n.below.a) + n.after + n.decay, sizes="m"),
    "E9": Slip("dL", lambda n: f"({n.a} - Y.ravel()){n.over if n.plan.inside else ''}", (), ("bce", "half"),
               sizes="one", plan=FUSED | {"rows": True}),
    "E11": Slip("db", lambda n: n.total(n.dZ) + n.b_decay, plan=MEAN),
    "E12": Slip("dW", lambda n: n.product(*(f"{x}[{n.last}]" for x in (n.dZ, n.below.a))) + n.after + n.decay),
    "F1": Slip("dL", lambda n: f"-({n.right('dL')})"),
    "F2": Slip("dL", lambda n: f"-(Y / {n.a} + (1 - Y) / (1 - {n.a})){n.over if n.plan.inside else ''}", (), ("bce",),
               plan=UNFUSED),
    "F3": Slip("dA", lambda n: n.right("dA").replace(n.around, n.around.replace("+", "-")), where="skipped",
               sizes="same", plan=SKIP),
    "F3 of softmax": Slip("dO", lambda n: n.softmax(n.units).replace(" - ", " + "), (), ("ce",), plan=UNFUSED),
    "F4": Slip("dL", lambda n: f"-Y / {n.a}{n.over if n.plan.inside else ''}", (), ("bce",), plan=UNFUSED),
    "F5": Slip("dL", lambda n: f"{n.dA} = {n.a} - Y\n{n.dZ} = {n.dA}", (), ("bce", "ce"),
               plan={"returned": "all", "hand": "course", "reduce": "mean", "inside": False} | UNFUSED),
    "F6": Slip("dL", lambda n: f"{n.right('dL')} * {n.a}", (), ("mse", "half", "sigmoid half"), also=("B17", "B6")),
    "F7": Slip("dL", lambda n: f"({n.a} - Y){n.over if n.plan.inside else ''}", (), ("log cosh",)),
    "G2": Slip("dA aliased", lambda n: f"{n.dA} = {n.right('dA')}\n{n.dZ} = {n.dA}\n{n.dZ}[{n.z} <= 0] = 0",
               ("relu",), plan=ALL_RETURNED),
    "G7": Slip("dW", lambda n: f"old = {n.below.a} + 0.3\n{n.dW} = {n.product(n.dZ, 'old')}{n.after}{n.decay}",
               where="upper"),
}  # fmt: skip


def tally(name: str, networks: int, seed: int = 0) -> tuple[int, int, int]:
    """How often a slip was put into a random network, found where it is, and named."""
    slip, found, named = SLIPS[name], 0, 0
    for rng in rngs(networks, seed, list(SLIPS).index(name)):
        made = network(rng, slip)
        mistakes = made.marked().mistakes
        found += bool(mistakes) and mistakes[0].term.split(" (")[0] in made.terms
        named += bool(mistakes) and mistakes[0].id in (name.split()[0], *slip.also)
    return networks, found, named
