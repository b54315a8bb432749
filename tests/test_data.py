"""Toy sets, real sets, batches: against facts from outside the package."""

import ast
import doctest
import gzip
import re
import sys
from importlib import import_module, resources
from types import GeneratorType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_edu import data
from tinygrad_edu.data.real import read_dataset

PACKAGE = resources.files("tinygrad_edu.data")


@pytest.mark.parametrize("name", ["toys", "real", "batches"])
def test_examples_in_the_docstrings_run(name):
    result = doctest.testmod(import_module(f"tinygrad_edu.data.{name}"))
    assert result.attempted > 0 and result.failed == 0


@pytest.mark.parametrize("name", ["arguments", "toys", "real", "batches", "idx", "tables"])
def test_data_imports_numpy_and_the_standard_library_alone(name):
    nodes = list(ast.walk(ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))))
    imported = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    foreign = {module.split(".")[0] for module in imported if not module.startswith("tinygrad_edu.data")}
    assert foreign <= sys.stdlib_module_names | {"numpy"}


@pytest.mark.parametrize("name", data.__all__)
def test_every_public_name_says_in_ten_words_what_it_is(name):
    first_line = getattr(data, name).__doc__.splitlines()[0]
    assert first_line.endswith(".") and len(first_line.split()) <= 10 and data.__all__.count(name) == 1


# Toy sets: toys.py

TOYS = {
    "moons": data.moons,
    "circles": data.circles,
    "spirals": data.spirals,
    "three spirals": lambda m, rng, **options: data.spirals(m, rng, classes=3, **options),
    "blobs": data.blobs,
    "five blobs": lambda m, rng, **options: data.blobs(m, rng, classes=5, **options),
    "xor": data.xor,
}
every_toy = pytest.mark.parametrize("toy", TOYS.values(), ids=TOYS.keys())


@every_toy
@pytest.mark.parametrize("m", [1, 2, 7, 100, 401])
def test_toy_shapes_types_balance_and_order(toy, m):
    X, y = toy(m, 0)
    classes = toy(100, 0)[1].max() + 1
    counts = np.bincount(y, minlength=classes)
    assert X.shape == (m, 2) and X.dtype == np.float64 and np.isfinite(X).all()
    assert y.shape == (m,) and y.dtype == np.int64
    assert len(counts) == classes and np.ptp(counts) <= 1
    if m >= 100:  # neither sorted nor in turns
        assert not np.array_equal(y, np.sort(y)) and (y == np.arange(m) % classes).mean() < 0.7


@every_toy
def test_toy_is_decided_by_its_rng_alone(toy):
    X, y = toy(50, 7)
    for rng in (7, np.int64(7), np.random.default_rng(7)):
        np.testing.assert_array_equal(np.column_stack(toy(50, rng)), np.column_stack([X, y]))
    rng = np.random.default_rng(7)
    assert not np.array_equal(toy(50, 8)[0], X) and not np.array_equal(toy(50, rng)[0], toy(50, rng)[0])


@every_toy
def test_toy_noise_has_the_standard_deviation_that_was_asked_for(toy):
    (curve, labels), (noisy, noisy_labels) = toy(5000, 3, noise=0), toy(5000, 3, noise=0.25)
    np.testing.assert_array_equal(labels, noisy_labels)
    # standard errors at 5000 draws: 0.25 / sqrt(5000) = 0.0035 of the mean, 0.25 / sqrt(10000) = 0.0025 of the spread
    np.testing.assert_allclose((noisy - curve).mean(axis=0), 0, atol=0.015)
    np.testing.assert_allclose((noisy - curve).std(axis=0), 0.25, atol=0.012)


def test_moons_lie_on_two_half_circles():
    X, y = data.moons(1000, 0, noise=0)
    upper, lower = X[y == 0], X[y == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1)
    np.testing.assert_allclose(np.hypot(*(lower - [1, 0.5]).T), 1)
    assert upper[:, 1].min() >= 0 and lower[:, 1].max() <= 0.5
    assert upper[:, 0].min() < -0.99 and lower[:, 0].max() > 1.99


@pytest.mark.parametrize("factor", [0.2, 0.5, 0.9])
def test_circles_have_their_radii_and_go_all_the_way_round(factor):
    X, y = data.circles(1000, 0, noise=0, factor=factor)
    np.testing.assert_allclose(np.hypot(*X.T), np.where(y == 0, 1, factor))
    for label in (0, 1):
        angles = np.sort(np.arctan2(X[y == label, 1], X[y == label, 0]))
        assert np.diff(angles, append=angles[0] + 2 * np.pi).max() < 0.15


@pytest.mark.parametrize(("classes", "turns"), [(2, 1.25), (3, 1.25), (2, 3), (5, 0.5)])
def test_spirals_are_one_curve_turned_by_equal_angles(classes, turns):
    X, y = data.spirals(20_000, 0, classes=classes, noise=0, turns=turns)
    t = np.hypot(*X.T)
    unwound = (X[:, 0] + 1j * X[:, 1]) / t * np.exp(-2j * np.pi * (turns * t + y / classes))
    np.testing.assert_allclose(unwound, 1, atol=1e-12)
    counts, _ = np.histogram(t**2, bins=8, range=(0.04, 1))
    assert counts.sum() == 20_000 and np.abs(counts / 2500 - 1).max() < 0.08  # as dense outside; standard error 0.02


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_blobs_have_their_centres_on_the_unit_circle(classes):
    X, y = data.blobs(3000, 0, classes=classes)
    angles = 2 * np.pi * np.arange(classes) / classes
    centres = [X[y == k].mean(axis=0) for k in range(classes)]
    np.testing.assert_allclose(centres, np.column_stack([np.cos(angles), np.sin(angles)]), atol=0.04)


def test_xor_fills_the_four_corners_equally():
    X, y = data.xor(402, 0, noise=0)
    corners, counts = np.unique(X, axis=0, return_counts=True)
    assert corners.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]] and set(counts) == {100, 101}
    np.testing.assert_array_equal(y, X[:, 0] != X[:, 1])


def nearest_neighbour_accuracy(X_train, y_train, X_test, y_test):
    squares = (X_test**2).sum(axis=1)[:, None] - 2 * X_test @ X_train.T + (X_train**2).sum(axis=1)
    return (y_train[squares.argmin(axis=1)] == y_test).mean()


def line_accuracy(X_train, y_train, X_test, y_test):
    weights = np.linalg.lstsq(np.c_[X_train, np.ones(len(X_train))], np.eye(y_train.max() + 1)[y_train], rcond=None)[0]
    return ((np.c_[X_test, np.ones(len(X_test))] @ weights).argmax(axis=1) == y_test).mean()


@pytest.mark.parametrize("name", TOYS)
def test_toy_can_be_learned_to_97_percent_and_most_not_by_a_line(name):
    train, test = TOYS[name](400, 0), TOYS[name](400, 1)
    assert nearest_neighbour_accuracy(*train, *test) >= 0.97
    if name in ("circles", "spirals", "three spirals", "xor"):
        assert line_accuracy(*train, *test) < 0.75


@pytest.mark.parametrize("name", ["moons", "circles", "spirals", "blobs", "xor"])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"m": 0}, ValueError, r"m must be at least 1; got 0\. m counts the examples\."),
        ({"m": 10.0}, TypeError, r"m must be a whole number; got float 10\.0"),
        ({"m": True}, TypeError, r"m must be a whole number; got bool True"),
        ({"noise": -0.1}, ValueError, r"noise must be at least 0; got -0\.1\. It is a standard deviation\."),
        ({"noise": np.inf}, ValueError, r"noise must be finite; got inf"),
        ({"noise": "much"}, TypeError, r"noise must be a number; got str 'much'"),
        (
            {"rng": None},
            TypeError,
            r"rng must be a numpy Generator or an int seed; got NoneType\. Pass np\.random\.def",
        ),
        ({"rng": np.random.RandomState(0)}, TypeError, r"rng must be a numpy Generator or an int seed; got RandomSta"),
        ({"rng": True}, TypeError, r"rng must be a numpy Generator or an int seed; got bool"),
        ({"rng": -1}, ValueError, r"a seed must be at least 0; got -1"),
    ],
)
def test_toy_arguments_are_checked(name, arguments, error, message):
    with pytest.raises(error, match=f"^{name}: {message}"):
        getattr(data, name)(**{"m": 10, "rng": 0, **arguments})


@pytest.mark.parametrize(
    ("toy", "option", "error", "message"),
    [
        (data.circles, {"factor": 1}, ValueError, r"circles: factor must lie between 0 and 1; got 1\.0\. It is the ra"),
        (data.circles, {"factor": 0}, ValueError, r"circles: factor must lie between 0 and 1; got 0\.0"),
        (data.circles, {"factor": "half"}, TypeError, r"circles: factor must be a number; got str 'half'"),
        (data.spirals, {"turns": 0}, ValueError, r"spirals: turns must be above 0; got 0\.0\. 1\.25 is easy"),
        (data.spirals, {"turns": np.nan}, ValueError, r"spirals: turns must be finite; got nan"),
        (data.spirals, {"classes": 1}, ValueError, r"spirals: classes must be at least 2; got 1\. One class alone"),
        (data.blobs, {"classes": 2.5}, TypeError, r"blobs: classes must be a whole number; got float 2\.5"),
    ],
)
def test_options_of_one_toy_are_checked(toy, option, error, message):
    with pytest.raises(error, match=f"^{message}"):
        toy(10, 0, **option)


# Real sets: real.py

# Number of examples of each digit, from the description of the test set, optdigits.names.
DIGIT_COUNTS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]

# Means of each species in R's copy of the set: setosa, versicolor, virginica.
IRIS_MEANS = [[5.006, 3.428, 1.462, 0.246], [5.936, 2.770, 4.260, 1.326], [6.588, 2.974, 5.552, 2.026]]

# Least and greatest value of every column, as the set's description gives them (rounded to three places).
CANCER_RANGES = [
    [(6.981, 28.11), (9.71, 39.28), (43.79, 188.5), (143.5, 2501.0), (0.053, 0.163)],
    [(0.019, 0.345), (0.0, 0.427), (0.0, 0.201), (0.106, 0.304), (0.05, 0.097)],
    [(0.112, 2.873), (0.36, 4.885), (0.757, 21.98), (6.802, 542.2), (0.002, 0.031)],
    [(0.002, 0.135), (0.0, 0.396), (0.0, 0.053), (0.008, 0.079), (0.001, 0.03)],
    [(7.93, 36.04), (12.02, 49.54), (50.41, 251.2), (185.2, 4254.0), (0.071, 0.223)],
    [(0.027, 1.058), (0.0, 1.252), (0.0, 0.291), (0.156, 0.664), (0.055, 0.208)],
]
REAL = {"load_iris": data.iris, "load_breast_cancer": data.cancer, "load_digits": data.digits}
every_set = pytest.mark.parametrize("load", REAL.values(), ids=["iris", "cancer", "digits"])


@pytest.mark.parametrize(
    ("load", "shape", "counts", "class_names"),
    [
        (data.iris, (150, 4), [50, 50, 50], ("setosa", "versicolor", "virginica")),
        (data.cancer, (569, 30), [212, 357], ("malignant", "benign")),
        (data.digits, (1797, 8, 8), DIGIT_COUNTS, tuple("0123456789")),
    ],
)
def test_real_shapes_types_and_class_counts(load, shape, counts, class_names):
    X, y = loaded = load()
    assert X is loaded.X and X.shape == shape and X.dtype == np.float64
    assert y is loaded.y and y.shape == shape[:1] and y.dtype == np.int64
    assert np.bincount(y).tolist() == counts and loaded.class_names == class_names
    assert len(set(loaded.feature_names)) == len(loaded.feature_names) == X[0].size


def test_iris_agrees_with_published_statistics():
    X, y = data.iris()
    assert X.min(axis=0).tolist() == [4.3, 2.0, 1.0, 0.1] and X.max(axis=0).tolist() == [7.9, 4.4, 6.9, 2.5]
    np.testing.assert_allclose([X[y == k].mean(axis=0) for k in range(3)], IRIS_MEANS, atol=1e-12)
    assert X[[34, 37]].tolist() == [[4.9, 3.1, 1.5, 0.2], [4.9, 3.6, 1.4, 0.1]]  # as in Fisher's paper
    assert data.iris().feature_names[::3] == ("sepal length (cm)", "petal width (cm)")


def test_cancer_agrees_with_published_statistics():
    X, y = data.cancer()
    np.testing.assert_allclose([X.min(axis=0), X.max(axis=0)], np.reshape(CANCER_RANGES, (30, 2)).T, atol=0.000501)
    assert data.cancer().feature_names[::10] == ("mean radius", "radius error", "worst radius")
    assert X[y == 0, 0].mean() > X[y == 1, 0].mean()  # malignant nuclei are larger


def test_digits_are_counts_of_sixteen_and_look_like_their_labels():
    X, y = data.digits()
    flat = X.reshape(len(X), 64)
    assert X.min() == 0 and X.max() == 16 and np.array_equal(X, X.round())
    assert nearest_neighbour_accuracy(flat[:1200], y[:1200], flat[1200:], y[1200:]) > 0.95
    zero = X[y == 0].mean(axis=0)
    assert zero[3:5, 3:5].max() < 3 < zero[3:5, [1, 2, 5, 6]].mean()  # a zero has a hole
    assert np.reshape(data.digits().feature_names, (8, 8))[2, 5] == "row 2 column 5"


@pytest.mark.parametrize("name", REAL)
def test_every_value_is_that_of_scikit_learn(name):
    datasets = pytest.importorskip("sklearn.datasets")
    (X, y), (expected_X, expected_y) = REAL[name](), getattr(datasets, name)(return_X_y=True)
    np.testing.assert_array_equal(X.reshape(expected_X.shape), expected_X)
    np.testing.assert_array_equal(y, expected_y)


@every_set
def test_arrays_are_fresh_on_every_call(load):
    first, second = load(), load()
    first.X[:], first.y[:] = -1, -1
    assert second.X.min() >= 0 and second.y.min() == 0 and load().X.min() >= 0


def test_dataset_is_frozen_and_prints_in_one_line():
    loaded = data.cancer()
    assert repr(loaded) == "Dataset: X (569, 30) float64, y (569,) int64, classes malignant, benign"
    with pytest.raises(AttributeError):
        loaded.X = np.zeros(3)


@every_set
def test_sources_file_has_every_set_with_its_identifier_and_licence(load):
    text = (PACKAGE / "files" / "SOURCES.md").read_text(encoding="utf-8")
    shipped = {file.name for file in (PACKAGE / "files").iterdir()} - {"SOURCES.md"}
    assert set(re.findall(r"^## (.+)$", text, re.MULTILINE)) == shipped
    identifier = re.search(r"doi:(10\.24432/\w+)\. CC BY 4\.0\.$", load().source)[1]
    assert f"https://doi.org/{identifier}" in text and text.count("Licence: CC BY 4.0.") == len(shipped)


GOOD = "height,width,kind\n1,2,cat\n3,4,dog\n5,6e1,cat\n"


def read(file):
    return read_dataset(file, (3, 2), ("cat", "dog"), "made up")


@pytest.mark.parametrize("name", ["good.csv", "good.csv.gz"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_reader_reads_a_good_file(tmp_path, name, newline):
    content = GOOD.replace("\n", newline).encode()
    (tmp_path / name).write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
    loaded = read(tmp_path / name)
    assert loaded.X.tolist() == [[1, 2], [3, 4], [5, 60]] and loaded.y.tolist() == [0, 1, 0]
    assert loaded.feature_names == ("height", "width") and loaded.class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"must hold a row of cells; got an empty file"),
        ("height,kind\n1,cat\n", r"must hold 3 rows of 2 numbers and one of cat, dog; got 1 of 1 and cat, with 0"),
        (GOOD[:-10], r"must hold 3 rows .*; got 2 of 2 and cat, dog"),
        (GOOD + "7,8,dog\n", r"must hold 3 rows .*; got 4 of 2 and cat, dog"),
        (GOOD[:-5], r": line 4 must hold 3 cells, as the first does; got 2"),
        (GOOD[:-2], r"must hold .* and one of cat, dog; got 3 of 2 and ca, cat, dog"),
        (GOOD.replace("dog", "cat"), r"must hold .* and one of cat, dog; got 3 of 2 and cat"),
        (GOOD.replace("3,4,dog", "3,4,5,dog"), r": line 3 must hold 3 cells, as the first does; got 4"),
        (GOOD.replace("4,", "four,"), r": line 3, column 'width' must hold a number; got 'four'"),
        (GOOD.replace("5,", ","), r"must hold 3 rows .*, with 1 missing"),
        (GOOD.replace("6e1", "6e999"), r": line 4, column 'width' must hold a finite number; got '6e999'"),
    ],
)
def test_reader_names_file_line_and_expectation(tmp_path, content, message):
    (tmp_path / "broken.csv").write_text(content, encoding="utf-8")
    advice = "The file is damaged: install tinygrad_edu again"
    with pytest.raises(ValueError, match=rf"^read_dataset: broken\.csv ?{message}.* {advice}"):
        read(tmp_path / "broken.csv")


NOT_TEXT = {
    "not utf-8.csv": b"\xff\xfe\x00",
    "cut short.gz": gzip.compress(GOOD.encode(), mtime=0)[:-10],
    "garbled.gz": gzip.compress(GOOD.encode(), mtime=0)[:12] + b"\xff" * 20,
}


@pytest.mark.parametrize("name", NOT_TEXT)
def test_reader_names_a_file_that_is_no_text(tmp_path, name):
    (tmp_path / name).write_bytes(NOT_TEXT[name])
    with pytest.raises(ValueError, match=f"^read_dataset: {name} must .+; got.+ The file is damaged"):
        read(tmp_path / name)


# Epochs and parts: batches.py


@given(m=st.integers(1, 40), size=st.integers(1, 45), seed=st.none() | st.integers(0, 5))
def test_batches_cover_every_example_exactly_once(m, size, seed):
    X, y = np.arange(m * 6.0).reshape(m, 2, 3), np.arange(m)
    parts = list(data.batches(X, y, size, None if seed is None else np.random.default_rng(seed)))
    assert [len(y_batch) for _, y_batch in parts] == [size] * (m // size) + [m % size] * (m % size > 0)
    seen = np.concatenate([y_batch for _, y_batch in parts])
    assert sorted(seen) == list(range(m)) and (seed is not None or seen.tolist() == list(range(m)))
    np.testing.assert_array_equal(np.concatenate([X_batch for X_batch, _ in parts]), X[seen])


def test_batches_shuffle_anew_every_epoch_and_repeat_with_the_seed():
    def epochs(seed):
        rng = np.random.default_rng(seed)
        return [np.concatenate([y for _, y in data.batches(np.eye(50), range(50), 8, rng)]) for _ in range(2)]

    assert not np.array_equal(*epochs(0))
    np.testing.assert_array_equal(epochs(0), epochs(0))


def test_batches_is_a_generator_whose_order_is_drawn_at_the_call():
    rng = np.random.default_rng(0)
    epoch = data.batches(np.eye(20), np.arange(20), 20, rng)
    rng.random(100)
    assert isinstance(epoch, GeneratorType)
    np.testing.assert_array_equal(next(epoch)[1], np.random.default_rng(0).permutation(20))


def test_mean_over_the_smaller_batch_is_unbiased():
    values, rng = np.array([0.0, 1.0, 5.0, 6.0, 13.0]), np.random.default_rng(0)
    last = [list(data.batches(values, values, 3, rng))[-1][0].mean() for _ in range(4000)]
    assert abs(np.mean(last) - values.mean()) < 4 * np.std(last) / np.sqrt(4000)


def test_batches_and_parts_keep_types_and_are_copies():
    X, y = np.zeros((4, 2), np.float32), np.zeros(4, np.int32)
    for X_part, y_part in [*data.batches(X, y, 2), *data.split(X, y, 0.5, 0)]:
        assert X_part.dtype == np.float32 and y_part.dtype == np.int32
        X_part += 1
        y_part += 1
    assert not X.any() and not y.any()


@given(m=st.integers(2, 60), data_=st.data(), seed=st.integers(0, 5))
def test_split_parts_do_not_overlap_and_miss_nothing(m, data_, seed):
    held_back = data_.draw(st.integers(1, m - 1))
    X, y = np.arange(m * 2).reshape(m, 2), np.arange(m)
    (X_train, y_train), (X_test, y_test) = data.split(X, y, held_back / m, seed)
    assert len(y_test) == held_back and sorted([*y_train, *y_test]) == list(range(m))
    np.testing.assert_array_equal(np.concatenate([X_train, X_test]), X[[*y_train, *y_test]])


@given(st.integers(2, 60), st.data(), st.integers(0, 2**32))
def test_a_stratified_split_gives_every_class_its_share(m, data_, seed):
    held_back = data_.draw(st.integers(1, m - 1))
    y = np.random.default_rng(seed).integers(0, 3, m)
    (X_train, y_train), (X_test, y_test) = data.split(np.arange(m), y, held_back / m, seed, stratified=True)
    assert sorted([*X_train, *X_test]) == list(range(m)) and len(X_test) == held_back
    np.testing.assert_array_equal(y[X_test], y_test)
    np.testing.assert_array_equal(y[X_train], y_train)
    assert np.abs(np.bincount(y_test, minlength=3) - np.bincount(y, minlength=3) * held_back / m).max() < 1


def test_a_stratified_split_is_shuffled():
    y = np.repeat([0, 1], 200)
    (_, y_train), (X_test, y_test) = data.split(np.arange(400), y, 0.25, 3, stratified=True)
    for part in (y_train, y_test):
        assert not np.array_equal(part, np.sort(part)) and 0.3 < np.mean(part[1:] != part[:-1]) < 0.7
    others = data.split(np.arange(400), y[:, None].astype(float), 0.25, 4, stratified=True)[1][0]
    assert set(others) != set(X_test)


@pytest.mark.parametrize("y", [[[0, 1], [1, 0]], ["a", "b"]])
def test_a_stratified_split_needs_a_number_for_each_example(y):
    with pytest.raises(ValueError, match=r"split: a stratified split needs one number for each example; got y \(2"):
        data.split([1, 2], y, 0.5, 0, stratified=True)


def test_split_is_random_and_repeats_with_the_seed():
    parts = [data.split(np.eye(100), np.arange(100), 0.3, rng)[1][1] for rng in (4, np.random.default_rng(4), 5)]
    np.testing.assert_array_equal(parts[0], parts[1])
    assert not np.array_equal(parts[0], parts[2]) and not np.array_equal(np.sort(parts[0]), np.arange(30))


@every_set
def test_standardized_training_columns_have_mean_zero_and_deviation_one(load):
    X, _ = load()
    result, varies = data.standardize(X), X.std(axis=0) > 0
    np.testing.assert_allclose(result.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(result.std(axis=0), varies, rtol=1e-12)
    np.testing.assert_array_equal(X, load().X)


def test_standardize_fits_on_the_training_part_alone():
    rng = np.random.default_rng(0)
    train, test, more = rng.normal(5, 3, (80, 4)), rng.normal(-2, 9, (30, 4)), rng.normal(0, 1, (1, 4))
    standard_train, *standard = data.standardize(train, test, more)
    np.testing.assert_array_equal(standard_train, data.standardize(train))
    for array, result in zip((test, more), standard, strict=True):
        np.testing.assert_allclose(result * train.std(axis=0) + train.mean(axis=0), array)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8 + 0.1, -3.3e-7])
def test_constant_columns_are_centred_and_not_divided(value):
    train, test = data.standardize(np.full((7, 2), value), np.full((3, 2), value + 2))
    np.testing.assert_allclose(train, 0, atol=1e-7)
    np.testing.assert_allclose(test, 2, atol=1e-6)


def test_standardize_keeps_float32_exact_and_turns_whole_numbers_into_float64():
    X = np.random.default_rng(0).normal(1000, 1, (100_000, 1)).astype(np.float32)
    result, other = data.standardize(X, [[1000]])
    assert result.dtype == other.dtype == np.float32
    assert abs(result.mean(dtype=float)) < 1e-6 and abs(result.std(dtype=float) - 1) < 1e-6
    assert data.standardize([1, 3]).tolist() == [-1, 1] and data.standardize([True, False]).dtype == np.float64


class Refusing:
    def __array__(self, dtype=None, copy=None):
        raise ValueError("I am no array")


@pytest.mark.parametrize(
    ("call", "arguments", "error", "message"),
    [
        (data.batches, ([], [], 2), ValueError, r"batches: X must hold at least one example; got shape \(0,\)\. Pass"),
        (data.batches, ([1], 3, 2), ValueError, r"batches: y must hold at least one example; got shape \(\)"),
        (
            data.batches,
            (np.ones((2, 4)), range(4), 2),
            ValueError,
            r"batches: X and y .*; got \(2, 4\) and \(4,\)\. One",
        ),
        (
            data.batches,
            ([[1], [2, 3]], [1], 2),
            ValueError,
            r"batches: X must be a rectangular array; got rows of diff",
        ),
        (data.batches, (Refusing(), [1], 1), ValueError, r"I am no array"),
        (data.batches, ([1], [1], 0), ValueError, r"batches: size must be at least 1; got 0\. size counts"),
        (data.batches, ([1], [1], 2.0), TypeError, r"batches: size must be a whole number; got float 2\.0"),
        (
            data.batches,
            ([1], [1], 1, 0),
            TypeError,
            r"batches: rng must be a numpy Generator or None; got int\. A seed",
        ),
        (
            data.split,
            ([1, 2], [1, 2], 0, 0),
            ValueError,
            r"split: test_fraction must lie between 0 and 1; got 0\.0\. 0",
        ),
        (data.split, ([1, 2], [1, 2], 25, 0), ValueError, r"split: test_fraction must lie between 0 and 1; got 25\.0"),
        (data.split, ([1, 2], [1, 2], "half", 0), TypeError, r"split: test_fraction must be a number; got str 'half'"),
        (
            data.split,
            ([1, 2], [1, 2], 0.1, 0),
            ValueError,
            r"split: each part .*; got 2 for training and 0 for testing",
        ),
        (
            data.split,
            ([1, 2], [1, 2], 0.9, 0),
            ValueError,
            r"split: each part .*; got 0 for training and 2 for testing",
        ),
        (
            data.split,
            ([1, 2], [1], 0.5, 0),
            ValueError,
            r"split: X and y must have the same length; got \(2,\) and \(1",
        ),
        (
            data.split,
            ([1, 2], [1, 2], 0.5, None),
            TypeError,
            r"split: rng must be a numpy Generator or an int seed; got",
        ),
        (
            data.standardize,
            ([[1, 2]], [[1]]),
            ValueError,
            r"standardize: all arrays .*; got \(1, 2\) and, as array 2, \(",
        ),
        (data.standardize, ([],), ValueError, r"standardize: array 1 must hold at least one example; got shape \(0,\)"),
        (
            data.standardize,
            ([1.0], [np.nan]),
            ValueError,
            r"standardize: array 2 must be finite; got 1 NaN or infinite",
        ),
        (
            data.standardize,
            (["a", "b"],),
            TypeError,
            r"standardize: array 1 must hold real numbers; got <U1\. Turn text",
        ),
        (data.standardize, ([1j, 2],), TypeError, r"standardize: array 1 must hold real numbers; got complex128"),
    ],
)
def test_arguments_are_checked_at_the_call(call, arguments, error, message):
    with pytest.raises(error, match=f"^{message}"):
        call(*arguments)
