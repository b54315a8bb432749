"""Step 14. The trained network elsewhere: as an ONNX file for other runtimes, as weights for PyTorch.

An ONNX file is the recorded graph of the forward pass. Here it is run by ONNX Runtime, if that is installed, and gives
the same numbers for any number of examples.
"""

import numpy as np

import tinygrad_edu as tg

rng = np.random.default_rng(0)
X, y = tg.data.spirals(300, rng=rng)
X = X.astype(np.float32)
model = tg.nn.MLP([2, 32, 32, 2], activation=tg.nn.ReLU, rng=rng, dtype=np.float32)
optimizer, loss = tg.optim.Adam(model.parameters(), lr=0.01), tg.nn.CrossEntropyLoss()
for _ in range(60):
    for X_batch, y_batch in tg.data.batches(X, y, 32, rng):
        optimizer.zero_grad()
        loss(model(X_batch), y_batch).backward()
        optimizer.step()


def probabilities(x):
    return tg.softmax(model(x))


expected = probabilities(X).numpy()
print(f"{np.mean(expected.argmax(1) == y):.1%} of the spirals are told apart.")

try:
    print(tg.onnx.export(probabilities, X[:4], "spirals.onnx"), "is written, from an example of 4 rows.")
    from onnxruntime import InferenceSession
except ImportError as error:  # pip install 'tinygrad_edu[onnx]' onnxruntime
    print(error)
else:
    (found,) = InferenceSession("spirals.onnx").run(None, {"x": X})
    print(f"ONNX Runtime, on {len(X)} rows: the largest difference is {np.abs(found - expected).max():.1e}.")

try:
    model.save("spirals.safetensors")
except ImportError as error:  # pip install 'tinygrad_edu[io]'
    print(error)
else:
    print("spirals.safetensors is written. torch.nn.Sequential of the same layers loads it:", *model.state_dict())
