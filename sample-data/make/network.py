"""A small convolutional network as a list of stages: how JAX trains it and how ONNX writes it down.

Every stage is convolution 3×3 → batch normalisation → ReLU, then optionally max-pooling 2×2. The end is global
average pooling and one fully connected layer. In the ONNX file batch normalisation is folded into the
convolution before it, as any exporter for inference does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from jax import lax
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

PRODUCER = "inferometer-sample-data"
PRODUCER_VERSION = "1"
# Old enough for every runtime since ONNX Runtime 1.15, new enough for per-channel quantisation (13).
OPSET = 17
IR_VERSION = 8

BN_EPSILON = 1e-5
BN_MOMENTUM = 0.9

Params = dict[str, jax.Array]
Stats = dict[str, jax.Array]


@dataclass(frozen=True)
class Stage:
    """One convolution stage: output channels, stride of the convolution, whether pooling follows."""

    channels: int
    stride: int = 1
    pool: bool = False


@dataclass(frozen=True)
class Network:
    """A named stack of stages that ends in `classes` logits."""

    name: str
    stages: tuple[Stage, ...]
    classes: int

    def init(self, seed: int) -> tuple[Params, Stats]:
        """He-normal weights, as ReLU networks want them, and neutral batch statistics."""
        rng = np.random.default_rng(seed)
        params: dict[str, NDArray[np.float32]] = {}
        stats: dict[str, NDArray[np.float32]] = {}
        channels_in = 1
        for index, stage in enumerate(self.stages):
            fan_in = 9 * channels_in
            shape = (3, 3, channels_in, stage.channels)
            params[f"conv{index}"] = rng.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
            params[f"gamma{index}"] = np.ones(stage.channels, np.float32)
            params[f"beta{index}"] = np.zeros(stage.channels, np.float32)
            stats[f"mean{index}"] = np.zeros(stage.channels, np.float32)
            stats[f"var{index}"] = np.ones(stage.channels, np.float32)
            channels_in = stage.channels
        params["dense"] = rng.normal(0, np.sqrt(1 / channels_in), (channels_in, self.classes)).astype(np.float32)
        params["bias"] = np.zeros(self.classes, np.float32)
        return jax.tree.map(jnp.asarray, params), jax.tree.map(jnp.asarray, stats)

    def apply(self, params: Params, stats: Stats, images: jax.Array, train: bool) -> tuple[jax.Array, Stats]:
        """Logits of images [N, 32, 32, 1], and the batch statistics after seeing them (unchanged unless training)."""
        seen: Stats = {}
        x = images
        for index, stage in enumerate(self.stages):
            # Explicit padding: "SAME" of XLA pads a strided convolution unevenly, ONNX's pads=1 evenly.
            x = lax.conv_general_dilated(
                x,
                params[f"conv{index}"],
                window_strides=(stage.stride, stage.stride),
                padding=((1, 1), (1, 1)),
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            )
            mean, var = stats[f"mean{index}"], stats[f"var{index}"]
            if train:
                batch_mean, batch_var = x.mean((0, 1, 2)), x.var((0, 1, 2))
                seen[f"mean{index}"] = BN_MOMENTUM * mean + (1 - BN_MOMENTUM) * batch_mean
                seen[f"var{index}"] = BN_MOMENTUM * var + (1 - BN_MOMENTUM) * batch_var
                mean, var = batch_mean, batch_var
            else:
                seen[f"mean{index}"], seen[f"var{index}"] = mean, var
            scale = params[f"gamma{index}"] * lax.rsqrt(var + BN_EPSILON)
            x = jax.nn.relu((x - mean) * scale + params[f"beta{index}"])
            if stage.pool:
                # Even sides, so a 2×2 maximum is a reshape; its gradient is much cheaper than reduce_window's.
                n, h, w, c = x.shape
                x = x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))
        x = x.mean((1, 2))
        return x @ params["dense"] + params["bias"], seen

    def to_onnx(self, params: Params, stats: Stats, description: str) -> onnx.ModelProto:
        """The network for inference: `images` float32 [batch, 1, 32, 32] → `logits` float32 [batch, classes]."""
        nodes: list[onnx.NodeProto] = []
        weights: list[onnx.TensorProto] = []

        def weight(name: str, value: Any) -> str:
            weights.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name))
            return name

        value = "images"
        for index, stage in enumerate(self.stages):
            # Batch normalisation at inference is a multiplication and an addition per channel: fold both.
            scale = np.asarray(params[f"gamma{index}"]) / np.sqrt(np.asarray(stats[f"var{index}"]) + BN_EPSILON)
            kernel = np.asarray(params[f"conv{index}"]).transpose(3, 2, 0, 1) * scale[:, None, None, None]
            bias = np.asarray(params[f"beta{index}"]) - np.asarray(stats[f"mean{index}"]) * scale
            inputs = [value, weight(f"conv{index}.weight", kernel), weight(f"conv{index}.bias", bias)]
            nodes.append(
                helper.make_node(
                    "Conv",
                    inputs,
                    [f"conv{index}.out"],
                    name=f"conv{index}",
                    kernel_shape=[3, 3],
                    strides=[stage.stride, stage.stride],
                    pads=[1, 1, 1, 1],
                )
            )
            nodes.append(helper.make_node("Relu", [f"conv{index}.out"], [f"relu{index}.out"], name=f"relu{index}"))
            value = f"relu{index}.out"
            if stage.pool:
                node = helper.make_node(
                    "MaxPool",
                    [value],
                    [f"pool{index}.out"],
                    name=f"pool{index}",
                    kernel_shape=[2, 2],
                    strides=[2, 2],
                )
                nodes.append(node)
                value = f"pool{index}.out"
        nodes.append(helper.make_node("GlobalAveragePool", [value], ["average.out"], name="average"))
        nodes.append(helper.make_node("Flatten", ["average.out"], ["features"], name="flatten", axis=1))
        dense = [weight("dense.weight", np.asarray(params["dense"]).T), weight("dense.bias", params["bias"])]
        nodes.append(helper.make_node("Gemm", ["features", *dense], ["logits"], name="dense", transB=1))

        graph = helper.make_graph(
            nodes,
            self.name,
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, 32, 32])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", self.classes])],
            weights,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name=PRODUCER,
            producer_version=PRODUCER_VERSION,
            doc_string=description,
        )
        onnx.checker.check_model(model, full_check=True)
        return model


TEACHER = Network(
    "digits-cnn",
    (
        Stage(32, pool=True),
        Stage(32),
        Stage(64, pool=True),
        Stage(128, pool=True),
        Stage(256),
        Stage(256),
    ),
    classes=10,
)
STUDENT = Network(
    "digits-student",
    (Stage(16, stride=2), Stage(32, pool=True), Stage(64, pool=True), Stage(128)),
    classes=10,
)
