"""Random networks with a hand-written backward pass, right or with one slip, as the text of a file.

text = source(rng)                      right
text = source(rng, slip="no 1/m")       one line changed, in a random layer
"""

import numpy as np

ACTIVATIONS = {
    "tanh": ("np.tanh({z})", ("(1 - {a}**2)", "(1 - np.tanh({z})**2)")),
    "sigmoid": ("1 / (1 + np.exp(-{z}))", ("{a} * (1 - {a})",)),
    "relu": ("np.maximum(0, {z})", ("({z} > 0)",)),
    "leaky": ("np.where({z} > 0, {z}, 0.1 * {z})", ("np.where({z} > 0, 1, 0.1)",)),
    "softplus": ("np.log1p(np.exp({z}))", ("1 / (1 + np.exp(-{z}))",)),
}

#: The first term that each slip makes wrong, {l} for the layer, and the ids that name it.
SLIPS = {
    "sign": ("dZ{L}", {"F1"}),
    "no 1/m": ("dW{l}", {"A1", "E11"}),
    "twice 1/m": ("dW{l}", {"A2", "E11", "A7"}),
    "stray": ("dW{l}", {"A8"}),
    "transposed": ("dW{l}", {"E6"}),
    "wrong axis": ("db{l}", {"E2"}),
    "sum of all": ("db{l}", {"E1"}),
    "not summed": ("db{l}", {"E3"}),
    "dA for dZ": ("dW{l}", {"D8"}),
    "Z for A": ("dW{l}", {"D4"}),
    "no derivative": ("dZ{l}", {"B7", "B11"}),
    "upstream dropped": ("dZ{l}", {"B18"}),
    "at the activation": ("dZ{l}", {"B1", "B4", "B5"}),
    "activation itself": ("dZ{l}", {"B6"}),
    "times z": ("dZ{l}", {"B15"}),
    "twice": ("dZ{l}", {"D10"}),
    "updated": ("dA{l}", {"D1"}),
    "error back": ("dA{l}", {"D2", "D3"}),
    "no l2": ("dW{l}", {"A13"}),
    "l2 doubled": ("dW{l}", {"A14"}),
}


def source(rng, slip=None):
    """The text of a file with init, data, forward, backward, SIZES and EXAMPLES; and the first wrong term."""
    layers = int(rng.integers(3 if slip else 1, 6 if not slip else 5))
    l = int(rng.integers(2, layers)) if slip else 0  # noqa: E741
    sizes = [int(rng.integers(2, 7)) for _ in range(layers + 1)]
    rows, inside = bool(rng.integers(2)), bool(rng.integers(2))
    acts = [str(rng.choice(list(ACTIVATIONS))) for _ in range(layers)]
    output = str(rng.choice(["bce", "ce", "mse", "mse_half", "sum"]))
    lam = 0.7 if rng.integers(2) or slip in ("no l2", "l2 doubled") else 0
    drop = 0.8 if rng.integers(3) == 0 and not slip else 0
    if slip in ("at the activation", "activation itself", "times z", "twice", "no derivative"):
        acts[l - 1] = str(rng.choice(["tanh", "sigmoid"]))
    if output == "ce":
        sizes[-1] = max(sizes[-1], 2)
    mean = "" if output == "sum" else " / m"
    if not mean and slip == "no 1/m":
        return source(rng, slip)
    ax, T = (0, 1) if rows else (1, 0)

    def product(a, b):
        return f"{b} @ {a}" if rows else f"{a} @ {b}"

    lines = [
        "import numpy as np",
        "",
        f"SIZES, EXAMPLES = {tuple(sizes)}, 6",
        "",
        "def init(sizes, rng):",
        "    params = {}",
        "    for l in range(1, len(sizes)):",
    ]
    shape = "(sizes[l - 1], sizes[l])" if rows else "(sizes[l], sizes[l - 1])"
    bias = "(1, sizes[l])" if rows else "(sizes[l], 1)"
    lines += [
        f"        params[f'W{{l}}'] = rng.standard_normal({shape}) * 0.7",
        f"        params[f'b{{l}}'] = 0.3 * rng.standard_normal({bias})",
        "    return params",
        "",
        "def data(sizes, m, rng):",
        f"    X = rng.standard_normal({'(m, sizes[0])' if rows else '(sizes[0], m)'})",
    ]
    if output == "ce":
        lines += ["    Y = np.eye(sizes[-1])[rng.permutation(np.arange(m) % sizes[-1])]" + ("" if rows else ".T")]
    else:
        y = f"rng.standard_normal({'(m, sizes[-1])' if rows else '(sizes[-1], m)'})"
        lines += [f"    Y = ({y} > 0) * 1.0" if output == "bce" else f"    Y = {y}"]
    lines += ["    return X, Y", "", "def forward(params, X, Y):", f"    m, A0, cache = X.shape[{ax}], X, {{}}"]
    for k in range(1, layers + 1):
        W, b, A = f"params['W{k}']", f"params['b{k}']", f"A{k - 1}"
        lines += [f"    Z{k} = {product(W, A)} + {b}"]
        if k < layers:
            lines += [f"    A{k} = {ACTIVATIONS[acts[k - 1]][0].format(z=f'Z{k}')}"]
            if drop:
                lines += [
                    f"    D{k} = np.random.default_rng({k}).random(Z{k}.shape) < {drop}",
                    f"    A{k} = A{k} * D{k} / {drop}",
                    f"    cache['D{k}'] = D{k}",
                ]
        elif output == "bce":
            lines += [f"    A{k} = 1 / (1 + np.exp(-Z{k}))"]
        elif output == "ce":
            lines += [
                f"    e = np.exp(Z{k} - np.max(Z{k}, axis={T}, keepdims=True))",
                f"    A{k} = e / np.sum(e, axis={T}, keepdims=True)",
            ]
        else:
            lines += [f"    A{k} = Z{k}"] if rng.integers(2) else [f"    A{k} = 1.0 * Z{k}"]
        lines += [f"    cache['Z{k}'], cache['A{k}'] = Z{k}, A{k}"]
    A = f"A{layers}"
    cost = {
        "bce": f"-np.sum(Y * np.log({A}) + (1 - Y) * np.log(1 - {A})) / m",
        "ce": f"-np.sum(Y * np.log({A})) / m",
        "mse": f"np.sum(({A} - Y)**2) / m",
        "mse_half": f"np.sum(np.square({A} - Y)) / (2 * m)",
        "sum": f"0.5 * np.sum(({A} - Y)**2)",
    }[output]
    l2 = " + ".join(f"np.sum(params['W{k}']**2)" for k in range(1, layers + 1))
    lines += [f"    return {cost}" + (f" + {lam} / (2 * m) * ({l2})" if lam else "") + ", cache", ""]
    lines += ["def backward(params, cache, X, Y):", f"    m, grads = X.shape[{ax}], {{}}", f"    {A} = cache['{A}']"]
    two = "2 * " if output == "mse" else ""
    error = f"Y - {A}" if slip == "sign" else f"{A} - Y"
    lines += [f"    dZ{layers} = {two}({error})" + (mean if inside else "")]
    after = "" if inside else mean
    for k in range(layers, 0, -1):
        here = slip if k == l else None
        a = f"cache['A{k - 1}']" if k > 1 else "X"
        g = f"dA{k}" if here == "dA for dZ" else f"dZ{k}"
        if here == "Z for A":
            a = f"cache['Z{k - 1}']"
        dW = product(g, a + ".T") if not rows else f"{a}.T @ {g}"
        if here == "transposed":
            dW = f"({dW}).T"
        dW = {"stray": "5 * ", "no 1/m": "m * "}.get(here, "") + dW + after + (" / m" if here == "twice 1/m" else "")
        decay = {"no l2": "", "l2 doubled": f" + 2 * {lam} / m * params['W{k}']"}.get(
            here, f" + {lam} / m * params['W{k}']" if lam else ""
        )
        total = {
            "sum of all": f"np.sum(dZ{k})",
            "wrong axis": f"np.sum(dZ{k}, axis={T}, keepdims=True)",
            "not summed": f"dZ{k}",
        }.get(here, f"np.sum(dZ{k}, axis={ax}, keepdims=True)")
        names = [f"dZ{k}", f"dW{k}", f"db{k}"]
        lines += [f"    dW{k} = {dW}{decay}", f"    db{k} = {total}{after}"]
        if k < layers:
            names.append(f"dA{k}")
        lines += [f"    grads['{name}'] = {name}" for name in names]
        if k > 1:
            W = f"params['W{k}']"
            if slip == "updated" and k - 1 == l:
                lines += [f"    W = {W} - 0.5 * dW{k}"]
                W = "W"
            back = f"dA{k}" if slip == "error back" and k - 1 == l and k < layers else f"dZ{k}"
            if slip == "error back" and k == layers and k - 1 == l:
                return source(rng, slip)
            lines += [f"    dA{k - 1} = " + (f"{back} @ {W}.T" if rows else f"{W}.T @ {back}")]
            spelled = ACTIVATIONS[acts[k - 2]]
            z, act = f"cache['Z{k - 1}']", f"cache['A{k - 1}']"
            slope = str(rng.choice(spelled[1][1:] or spelled[1]) if drop else rng.choice(spelled[1])).format(z=z, a=act)
            if drop and acts[k - 2] == "sigmoid":
                slope = f"(lambda s: s * (1 - s))(1 / (1 + np.exp(-{z})))"
            value = f"dA{k - 1} * {slope}" + (f" * cache['D{k - 1}'] / {drop}" if drop else "")
            if k - 1 == l:
                value = {
                    "no derivative": f"dA{l} * 1.0",
                    "upstream dropped": slope + " + 0 * Y.mean()",
                    "at the activation": f"dA{l} * "
                    + (
                        f"(1 - np.tanh({act})**2)"
                        if acts[l - 1] == "tanh"
                        else f"(lambda s: s * (1 - s))(1 / (1 + np.exp(-{act})))"
                    ),
                    "activation itself": f"dA{l} * {act}",
                    "times z": f"{value} * {z}",
                    "twice": f"{value} * {slope}",
                }.get(slip, value)
            lines += [f"    dZ{k - 1} = {value}"]
    lines += ["    return grads", ""]
    wrong = SLIPS[slip][0].format(l=l, L=layers) if slip else ""
    return "\n".join(lines), wrong


def functions(text):
    """The functions of such a file."""
    namespace = {}
    exec(compile(text, "<random network>", "exec"), namespace)
    return namespace


def rngs(count, seed=0):
    return [np.random.default_rng([seed, k]) for k in range(count)]
