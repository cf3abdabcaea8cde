"""Write src/nptorch/vision/datasets/digits.npz from scikit-learn's copy of the UCI digits; needs scikit-learn.

usage: python tools/make_digits.py [FILE]

The split is stratified: of each class, in an order fixed by the seed, about a fifth is for testing.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

TEST = 360
TARGET = Path(__file__).resolve().parents[1] / "src/nptorch/vision/datasets/digits.npz"


def split(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices for training and for testing, shuffled."""
    order = np.random.RandomState(1998).permutation(len(labels))
    # Place k of a class with n members goes to (k + 1/2) / n; the first TEST / len(labels) of that line is for testing.
    place = np.empty(len(labels))
    for label in range(10):
        members = order[labels[order] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    chosen = np.argsort(place, kind="stable")[:TEST]
    is_test = np.zeros(len(labels), bool)
    is_test[chosen] = True
    return order[~is_test[order]], order[is_test[order]]


def main() -> None:
    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.uint8)
    train, test = split(labels)
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    np.savez_compressed(
        target,
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
    )
    print(f"{target}: {len(train)} train, {len(test)} test, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
