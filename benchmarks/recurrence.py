"""Times ways to run the QRNN's recurrence `c[t] = decay[t] * c[t-1] + update[t]`, forward alone and with its gradient.

    python benchmarks/recurrence.py [--json FILE]

All ways run in the same process, taking turns, since a machine's speed drifts; each figure is the median of the rounds.
Two ways need the number of steps when the graph is built; the others run at any length.
"""

import argparse
import json
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from rich.console import Console
from rich.table import Table

from ulmfit_tfx.trainer_modules.layers.linear_recurrence import linear_recurrence

tf.get_logger().setLevel("ERROR")  # each way is traced anew for each shape, on purpose

SHAPES = [(1, 70, 1552), (32, 70, 1552), (32, 256, 256)]
ROUNDS = 15


def tf_scan(decay, update, initial):
    """TensorFlow's own scan and gradient."""
    return tf.scan(lambda state, step: step[0] * state + step[1], (decay, update), initial)


def log_depth_scan(decay, update, initial, longest=256):
    """Hillis and Steele 1986: at each round every step takes in what lies a power of two before it."""
    steps, shift = tf.shape(update)[0], 1
    update = tf.concat([update[:1] + decay[:1] * initial[None], update[1:]], axis=0)
    while shift < longest:
        before = [[shift, 0], [0, 0], [0, 0]]
        update += decay * tf.pad(update, before)[:steps]
        decay *= tf.pad(decay, before)[:steps]
        shift *= 2
    return update


def loop_over_slices(decay, update, initial):
    """A loop that slices the tensors, whose gradient is one of the whole tensor's size at each step."""
    states = tf.TensorArray(tf.float32, tf.shape(update)[0], element_shape=update.shape[1:])

    def body(step, state, states):
        state = decay[step] * state + update[step]
        return step + 1, state, states.write(step, state)

    _, _, states = tf.while_loop(lambda step, *_: step < tf.shape(update)[0], body, (0, initial, states))
    return states.stack()


OURS_UNROLLED, OURS_LOOP, XLA = "ours, length known (unrolled)", "ours, any length (loop)", "XLA, length known"
WAYS = {
    OURS_UNROLLED: linear_recurrence,
    XLA: linear_recurrence,
    OURS_LOOP: linear_recurrence,
    "tf.scan": tf_scan,
    "log-depth scan": log_depth_scan,
    "tf.while_loop over slices": loop_over_slices,
}


def compiled(name, steps, units):
    """Forward, and forward with gradients, as graphs."""
    way, is_known = WAYS[name], name in (OURS_UNROLLED, XLA)
    sequence = tf.TensorSpec([steps if is_known else None, None, units])
    options = {"input_signature": [sequence, sequence, tf.TensorSpec([None, units])], "jit_compile": name == XLA}

    @tf.function(**options)
    def forward(*inputs):
        return way(*inputs)

    @tf.function(**options)
    def with_gradient(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(tf.square(way(*inputs)))
        return tape.gradient(loss, inputs)

    return forward, with_gradient


def measure(batch, steps, units):
    """Milliseconds of each way, forward and with gradient."""
    inputs = tf.random.uniform((steps, batch, units)), tf.random.normal((steps, batch, units)), tf.zeros((batch, units))
    graphs = {name: compiled(name, steps, units) for name in WAYS}
    expected = graphs[OURS_UNROLLED][1](*inputs)
    seconds = {name: ([], []) for name in graphs}
    for forward, with_gradient in graphs.values():
        forward(*inputs)
        for gradient, wanted in zip(with_gradient(*inputs), expected, strict=True):
            tf.debugging.assert_near(gradient, wanted, atol=1e-3, rtol=1e-3)
    for _ in range(ROUNDS):
        for name, functions in graphs.items():
            for function, times in zip(functions, seconds[name], strict=True):
                started = time.perf_counter()
                function(*inputs)
                times.append(time.perf_counter() - started)
    return {name: [1e3 * statistics.median(times) for times in both] for name, both in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="write the figures to this file too")
    arguments = parser.parse_args()
    results = {}
    for shape in SHAPES:
        results["x".join(map(str, shape))] = figures = measure(*shape)
        table = Table("way", "forward", "with gradient", title="batch {}, {} steps, {} units: ms".format(*shape))
        for name, (forward, both) in figures.items():
            table.add_row(name, f"{forward:.1f}", f"{both:.1f}")
        Console().print(table)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"cores": os.cpu_count(), "milliseconds": results}, file, indent=2)


if __name__ == "__main__":
    main()
