"""Step 13. The loop is written: metrics, early stopping, and a run that goes on after it was cut short."""

from tempfile import TemporaryDirectory

import numpy as np

import tinygrad_edu as tg


def train(epochs, directory, resume=False):
    """The same in every way each time: data, weights and batches come from one seed."""
    rng = np.random.default_rng(0)
    X, y = tg.data.iris()
    (X, y), (X_test, y_test) = tg.data.split(X, y, test_fraction=0.2, rng=rng)
    X, X_test = tg.data.standardize(X, X_test)
    model = tg.nn.MLP([4, 16, 3], activation=tg.nn.ReLU, rng=rng)
    optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
    history = tg.fit(
        model, tg.nn.CrossEntropyLoss(), optimizer, X, y, epochs, batch_size=16, validation=(X_test, y_test),
        early_stopping=20, rng=rng, checkpoint=directory, resume=resume, progress=False,
    )  # fmt: skip
    return model, history


with TemporaryDirectory() as unbroken, TemporaryDirectory() as broken:
    model, history = train(60, unbroken)
    print(f"{history}\n")

    train(25, broken)  # here the power was cut
    resumed, _ = train(60, broken, resume=True)
    equal = [
        np.array_equal(a.numpy(), b.numpy()) for a, b in zip(model.parameters(), resumed.parameters(), strict=True)
    ]
    print(f"The same weights as without the break: {all(equal)}")

    model.save(f"{unbroken}/weights.safetensors")  # PyTorch reads it, too
    resumed.load(f"{unbroken}/weights.safetensors")
