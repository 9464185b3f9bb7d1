"""Trains the three sample classifiers and writes them, with the held-out images, under `sample-data/`.

  digits-cnn.onnx       the full model, fp32
  digits-cnn-int8.onnx  the same weights, quantised to int8 (QDQ) with ONNX Runtime's static quantiser
  digits-student.onnx   ten times fewer parameters, taught by the full model's soft labels
  digits-test.npz       the 500 held-out images and their labels

Everything is drawn from `SEED`; on one kind of CPU the files come out the same byte for byte. Another CPU may
round floating-point sums differently, which moves weights in their last digits.
"""

from __future__ import annotations

import os

# Before JAX is imported: one thread, so that sums are always added in the same order.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

import digits
from network import PRODUCER, PRODUCER_VERSION, STUDENT, TEACHER, Network, Params, Stats

SEED = 20261101
BATCH = 64
TEACHER_EPOCHS = 40
STUDENT_EPOCHS = 90
PEAK_LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4
LABEL_SMOOTHING = 0.05
# Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network" (2015): soften both sides by T, weigh
# the soft loss by T² so that its gradients keep their size, and mix in the true labels.
TEMPERATURE = 4.0
SOFT_SHARE = 0.7

Targets = tuple[jax.Array, jax.Array]
Loss = Callable[[jax.Array, Targets], jax.Array]


def hard_loss(logits: jax.Array, targets: Targets) -> jax.Array:
    """Cross-entropy with the true labels, smoothed. The second target (soft labels) is not used."""
    labels, _ = targets
    wanted = jax.nn.one_hot(labels, digits.CLASSES)
    wanted = wanted * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / digits.CLASSES
    return -jnp.mean(jnp.sum(wanted * jax.nn.log_softmax(logits), axis=-1))


def distillation_loss(logits: jax.Array, targets: Targets) -> jax.Array:
    """Cross-entropy with the teacher's softened answer, mixed with that of the true labels."""
    _, teacher_logits = targets
    wanted = jax.nn.softmax(teacher_logits / TEMPERATURE)
    soft = -jnp.mean(jnp.sum(wanted * jax.nn.log_softmax(logits / TEMPERATURE), axis=-1))
    return SOFT_SHARE * TEMPERATURE**2 * soft + (1 - SOFT_SHARE) * hard_loss(logits, targets)


def train(
    network: Network,
    loss: Loss,
    split: digits.Split,
    epochs: int,
    seed: int,
    teacher: Callable[[jax.Array], jax.Array] | None = None,
) -> tuple[Params, Stats]:
    """AdamW with a one-cycle learning rate on freshly varied images each epoch; `teacher` gives soft labels."""
    params, stats = network.init(seed)
    first = jax.tree.map(jnp.zeros_like, params)
    second = jax.tree.map(jnp.zeros_like, params)
    steps_per_epoch = len(split.train_images) // BATCH
    steps = epochs * steps_per_epoch

    def objective(params: Params, stats: Stats, images: jax.Array, targets: Targets) -> tuple[jax.Array, Stats]:
        logits, stats = network.apply(params, stats, images, train=True)
        return loss(logits, targets), stats

    @jax.jit
    def update(
        params: Params,
        first: Params,
        second: Params,
        stats: Stats,
        step: jax.Array,
        images: jax.Array,
        targets: Targets,
    ) -> tuple[Params, Params, Params, Stats, jax.Array]:
        (value, stats), gradient = jax.value_and_grad(objective, has_aux=True)(params, stats, images, targets)
        progress = step / steps
        warm = jnp.minimum(1.0, progress / 0.15)
        rate = PEAK_LEARNING_RATE * warm * 0.5 * (1 + jnp.cos(jnp.pi * progress))
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        count = step + 1.0

        def move(p: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
            direction = (m / (1 - 0.9**count)) / (jnp.sqrt(v / (1 - 0.999**count)) + 1e-8)
            # Vectors are biases and batch-normalisation scales: decaying those only hurts.
            decay = WEIGHT_DECAY if p.ndim > 1 else 0.0
            return p - rate * (direction + decay * p)

        return jax.tree.map(move, params, first, second), first, second, stats, value

    rng = np.random.default_rng(seed)
    step = 0
    for epoch in range(epochs):
        images = digits.vary(split.train_images, rng).transpose(0, 2, 3, 1)
        order = rng.permutation(len(images))
        total = 0.0
        for start in range(0, steps_per_epoch * BATCH, BATCH):
            chosen = order[start : start + BATCH]
            batch = jnp.asarray(images[chosen])
            labels = jnp.asarray(split.train_labels[chosen])
            soft = jnp.zeros((BATCH, digits.CLASSES)) if teacher is None else teacher(batch)
            params, first, second, stats, value = update(
                params, first, second, stats, jnp.float32(step), batch, (labels, soft)
            )
            total += float(value)
            step += 1
        print(f"{network.name}: epoch {epoch + 1}/{epochs}, mean loss {total / steps_per_epoch:.4f}", flush=True)
    return params, stats


class TrainingImages(CalibrationDataReader):
    """Training images (never held-out ones) for the quantiser to watch the range of each activation."""

    def __init__(self, images: digits.Images, batch: int = 64) -> None:
        self.batches: Iterator[dict[str, digits.Images]] = iter(
            [{"images": images[start : start + batch]} for start in range(0, len(images), batch)]
        )

    def get_next(self) -> dict[str, digits.Images] | None:
        return next(self.batches, None)


def quantise(source: Path, target: Path, images: digits.Images) -> None:
    """fp32 → int8 QDQ: unsigned activations, signed weights with one scale per output channel.

    Chosen by measuring with ONNX Runtime 1.31.1 on one thread of an AVX-512 VNNI CPU: unsigned activations with
    signed weights and signed with signed ran about 3 times faster than fp32 at batch 1 and 8, unsigned with
    unsigned no faster than fp32; leaving the first convolution in fp32 made it slower by a third. One scale per
    channel is as fast as one per tensor and loses less.
    """
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(target),
            TrainingImages(images),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            calibrate_method=CalibrationMethod.MinMax,
        )
    # The quantiser puts its own name over ours and leaves working notes, and imports of operator sets that no
    # node uses, which a strict reader may refuse.
    model = onnx.load(target)
    del model.metadata_props[:]
    used = {node.domain for node in model.graph.node}
    kept = [opset for opset in model.opset_import if opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    model.producer_name = PRODUCER
    model.producer_version = f"{PRODUCER_VERSION} (quantized by onnxruntime {onnxruntime.__version__})"
    model.doc_string = "digits-cnn quantised to int8 (QDQ), calibrated on the training images"
    model.graph.name = "digits-cnn-int8"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)


def correct(model: Path, images: digits.Images, labels: digits.Labels) -> int:
    """How many of the images the ONNX file, run by ONNX Runtime, classifies as labelled."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"images": images})
    return int((logits.argmax(axis=1) == labels).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent)
    out: Path = parser.parse_args().out
    models = out / "models"
    models.mkdir(parents=True, exist_ok=True)
    split = digits.load()
    np.savez_compressed(out / "digits-test.npz", images=split.test_images, labels=split.test_labels)

    full_params, full_stats = train(TEACHER, hard_loss, split, TEACHER_EPOCHS, SEED)
    full = TEACHER.to_onnx(full_params, full_stats, "Handwritten digits, full fp32 network")
    onnx.save(full, models / "digits-cnn.onnx")
    quantise(models / "digits-cnn.onnx", models / "digits-cnn-int8.onnx", split.train_images)

    teacher = jax.jit(lambda images: TEACHER.apply(full_params, full_stats, images, train=False)[0])
    small_params, small_stats = train(STUDENT, distillation_loss, split, STUDENT_EPOCHS, SEED + 1, teacher)
    small = STUDENT.to_onnx(small_params, small_stats, "Handwritten digits, student of digits-cnn by distillation")
    onnx.save(small, models / "digits-student.onnx")

    for model in sorted(models.glob("*.onnx")):
        hits = correct(model, split.test_images, split.test_labels)
        print(f"{model.name}: {hits} of {len(split.test_labels)} held-out images right")


if __name__ == "__main__":
    main()
