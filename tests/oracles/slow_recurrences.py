"""The recurrent layers as float64 loops over rows and steps: slow, and as the papers write them."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def slow_qrnn(sequence, kernel, bias, mask, state, *, window, pooling, convention):
    """Bradbury et al. 2017, section 2.1. Returns outputs, zero where masked, and the states after the last token."""
    batch, time, features = sequence.shape
    units = bias.size // {"f": 2, "fo": 3, "ifo": 4}[pooling]
    outputs = np.zeros((batch, time, units))
    cells, seen = state[0].astype("float64"), [list(row.reshape(window - 1, features)) for row in state[1]]
    for row in range(batch):
        for step in range(time):
            if not mask[row, step]:
                continue
            latest_first = [sequence[row, step], *seen[row]]
            gates = np.split(np.concatenate(latest_first) @ kernel + bias, bias.size // units)
            candidate, forget = np.tanh(gates[0]), sigmoid(gates[1])
            keep = 1 - forget if convention == "fastai" else forget
            update = sigmoid(gates[3]) if pooling == "ifo" else 1 - keep
            cells[row] = keep * cells[row] + update * candidate
            outputs[row, step] = cells[row] if pooling == "f" else sigmoid(gates[2]) * cells[row]
            seen[row] = latest_first[: window - 1]
    return outputs, [cells, np.array(seen).reshape(batch, -1)]


def slow_lstm(sequence, kernel, recurrent_kernel, bias, mask, state):
    """Hochreiter and Schmidhuber 1997 with forget gates. Returns outputs, zero where masked, and the last states."""
    batch, time, _ = sequence.shape
    units = bias.size // 4
    outputs = np.zeros((batch, time, units))
    hidden, cell = (part.astype("float64") for part in state)
    for row in range(batch):
        for step in range(time):
            if not mask[row, step]:
                continue
            gates = sequence[row, step] @ kernel + hidden[row] @ recurrent_kernel + bias
            write, forget, candidate, read = np.split(gates, 4)
            cell[row] = sigmoid(forget) * cell[row] + sigmoid(write) * np.tanh(candidate)
            hidden[row] = outputs[row, step] = sigmoid(read) * np.tanh(cell[row])
    return outputs, [hidden, cell]


def slope(function, at, step=1e-6):
    """Gradient of a function of an array by central differences."""
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        change = np.zeros_like(at)
        change[index] = step
        gradient[index] = (function(at + change) - function(at - change)) / (2 * step)
    return gradient
