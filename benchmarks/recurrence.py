"""Times ways to run the QRNN's recurrence `c[t] = decay[t] * c[t-1] + update[t]`, forward alone and with its gradient.

    python benchmarks/recurrence.py [--json FILE]

All ways run in the same process, taking turns, since a machine's speed drifts; each figure is the median of the rounds.
The number of steps is unknown when the graph is built, as in training and serving; only the unrolled way is told it.
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

from ulmfit_tfx.trainer_modules.layers.recurrence import linear_recurrence

tf.get_logger().setLevel("ERROR")  # each way is traced anew for each shape, on purpose

SHAPES = [(32, 256, 256), (32, 70, 1552), (1, 70, 1552)]
ROUNDS = 9


def unrolled(decay, update, initial):
    state, states = initial, []
    for step_decay, step_update in zip(tf.unstack(decay, axis=1), tf.unstack(update, axis=1), strict=True):
        state = step_decay * state + step_update
        states.append(state)
    return tf.stack(states, axis=1)


def tf_scan(decay, update, initial):
    steps = tf.transpose(decay, (1, 0, 2)), tf.transpose(update, (1, 0, 2))
    states = tf.scan(lambda state, step: step[0] * state + step[1], steps, initial)
    return tf.transpose(states, (1, 0, 2))


def log_depth_scan(decay, update, initial, longest=256):
    """Hillis and Steele 1986: at each round every step takes in what lies a power of two before it."""
    time_steps, shift = tf.shape(update)[1], 1
    update = tf.concat([update[:, :1] + decay[:, :1] * initial[:, None], update[:, 1:]], axis=1)
    while shift < longest:
        before = [[0, 0], [shift, 0], [0, 0]]
        update += decay * tf.pad(update, before)[:, :time_steps]
        decay *= tf.pad(decay, before)[:, :time_steps]
        shift *= 2
    return update


def while_loop(decay, update, initial):
    decay, update = tf.transpose(decay, (1, 0, 2)), tf.transpose(update, (1, 0, 2))
    states = tf.TensorArray(tf.float32, tf.shape(update)[0], element_shape=update.shape[1:])

    def body(step, state, states):
        state = decay[step] * state + update[step]
        return step + 1, state, states.write(step, state)

    _, _, states = tf.while_loop(lambda step, *_: step < tf.shape(update)[0], body, (0, initial, states))
    return tf.transpose(states.stack(), (1, 0, 2))


WAYS = {
    "loop, gradient by hand (ours)": linear_recurrence,
    "unrolled": unrolled,
    "tf.scan": tf_scan,
    "log-depth scan": log_depth_scan,
    "tf.while_loop over slices": while_loop,
}


def compiled(way, steps, units):
    """Forward, and forward with gradients, as graphs."""
    sequence = tf.TensorSpec([None, steps if way is unrolled else None, units])
    signature = [sequence, sequence, tf.TensorSpec([None, units])]

    @tf.function(input_signature=signature)
    def forward(*inputs):
        return way(*inputs)

    @tf.function(input_signature=signature)
    def with_gradient(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(tf.square(way(*inputs)))
        return tape.gradient(loss, inputs)

    return forward, with_gradient


def measure(batch, steps, units):
    inputs = tf.random.uniform((batch, steps, units)), tf.random.normal((batch, steps, units)), tf.zeros((batch, units))
    graphs = {name: compiled(way, steps, units) for name, way in WAYS.items()}
    expected = graphs["unrolled"][1](*inputs)
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
