"""The digits data set as the models take it: 32×32 images in [0, 1], a fixed split, and training-time variation.

scikit-learn carries 1,797 images of 8×8 pixels with values 0…16 (Optical Recognition of Handwritten Digits,
UCI). They are enlarged with bilinear interpolation so that a convolutional network has something to do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SIDE = 32
CLASSES = 10
HELD_OUT = 500
SPLIT_SEED = 20261101

Images = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Images as float32 [N, 1, 32, 32] in [0, 1], labels as int64 [N]."""

    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels


def enlarge_matrix(small: int, large: int) -> NDArray[np.float64]:
    """The linear map [large, small] of one-dimensional bilinear interpolation with half-pixel centres.

    Written out as a matrix so that the result does not depend on an imaging library's version.
    """
    matrix = np.zeros((large, small))
    for row in range(large):
        position = np.clip((row + 0.5) * small / large - 0.5, 0, small - 1)
        low = int(np.floor(position))
        high = min(low + 1, small - 1)
        matrix[row, low] += 1 - (position - low)
        matrix[row, high] += position - low
    return matrix


def load() -> Split:
    """Load, enlarge, scale to [0, 1] and split: 1,297 training images, 500 held out, classes in proportion."""
    pixels, labels = load_digits(return_X_y=True)
    small = pixels.reshape(-1, 8, 8) / 16.0
    matrix = enlarge_matrix(8, SIDE)
    images = (matrix @ small @ matrix.T).astype(np.float32)[:, None]
    train_images, test_images, train_labels, test_labels = train_test_split(
        images,
        labels.astype(np.int64),
        test_size=HELD_OUT,
        random_state=SPLIT_SEED,
        stratify=labels,
    )
    return Split(train_images, train_labels, test_images, test_labels)


def vary(images: Images, rng: np.random.Generator) -> Images:
    """Each image once more, a little turned, sheared, scaled, moved and made noisy.

    1,297 images are few for a million parameters; without this the network learns them by heart.
    """
    varied = np.empty_like(images)
    centre = (SIDE - 1) / 2
    for index, image in enumerate(images[:, 0]):
        turn = rng.uniform(-0.2, 0.2)
        shear = rng.uniform(-0.15, 0.15)
        scale = np.exp(rng.uniform(-0.12, 0.12, size=2))
        matrix = np.array([[np.cos(turn), -np.sin(turn) + shear], [np.sin(turn), np.cos(turn)]]) * scale[:, None]
        shift = rng.uniform(-2.5, 2.5, size=2)
        offset = centre - matrix @ (np.array([centre, centre]) + shift)
        varied[index, 0] = affine_transform(image, matrix, offset, order=1, mode="constant")
    varied += rng.normal(0, 0.03, size=varied.shape).astype(np.float32)
    return np.clip(varied, 0, 1)
