"""The recurrence of the LSTM over a whole sequence, with a gradient written by hand.

Inside, the batch is the last axis. A step is then the product `kernel^T hidden` forward and `kernel d_gates` backward,
which the matrix library runs up to three times as fast at batch 32 as `hidden kernel` and `d_gates kernel^T`, and the
gates are slices that need no copy.
"""

from keras import ops

from ulmfit_tfx.trainer_modules.layers.time_scan import time_scan

# The gates at masked steps, for which sigmoid is exactly 0 or 1 in float32 and float64.
_SHUT = 1e9


def lstm_recurrence(from_inputs, kernel, hidden, cell, mask=None, has_gradient=True):
    """Steps an LSTM through time, given the inputs' share of its gates.

    Args:
        from_inputs: float [time, batch, 4 * units], gates in Keras' order: input, forget, candidate, output.
        kernel: float [units, 4 * units], the recurrent kernel.
        hidden: float [batch, units], before the first step.
        cell: float [batch, units], before the first step.
        mask: bool [time, batch], False where the state stays as it was, or None.
        has_gradient: Keep what the hand-written gradient needs. Without it inference saves the memory, and a gradient
            is still right, but slower.

    Returns:
        Hidden states, float [time, batch, units], and the last cell state, float [batch, units].
    """
    if mask is not None:
        from_inputs = ops.where(mask[..., None], from_inputs, _shut_gates(kernel.shape[0], from_inputs.dtype))
    if not has_gradient:
        hidden_states, last_cell, *_ = _forward(from_inputs, kernel, hidden, cell, mask, keeps_gates=False)
        return hidden_states, last_cell

    @ops.custom_gradient
    def differentiable(from_inputs, kernel, hidden, cell):
        hidden_states, last_cell, *kept = _forward(from_inputs, kernel, hidden, cell, mask, keeps_gates=True)

        def gradient(*args, upstream=None):
            # TensorFlow passes one argument an output, JAX one for all, PyTorch's come by name.
            if upstream is None:
                upstream = args[0] if len(args) == 1 else args
            d_hidden_states, d_last_cell = upstream
            d_gates, d_hidden, d_cell = _backward(d_hidden_states, d_last_cell, kernel, cell, mask, *kept)
            before = ops.concatenate([hidden[None], hidden_states[:-1]])
            # One product for all steps; automatic differentiation would add up a small one for each.
            d_kernel = ops.matmul(ops.transpose(_rows(before)), _rows(d_gates))
            return d_gates, d_kernel, d_hidden, d_cell

        return (hidden_states, last_cell), gradient

    return differentiable(from_inputs, kernel, hidden, cell)


def _shut_gates(units, dtype):
    """Gates that close the input and open the forget gate, so that the cell state stays: float [4 * units]."""
    direction = ops.concatenate([-ops.ones(units, dtype), ops.ones(units, dtype), ops.zeros(2 * units, dtype)])
    return _SHUT * direction


def _forward(from_inputs, kernel, hidden, cell, mask, keeps_gates):
    """Returns hidden states and the last cell state, and if asked what `_backward` needs, [time, ..., batch]."""
    units, batch = kernel.shape[0], hidden.shape[0]
    transposed_kernel = ops.transpose(kernel) if keeps_gates else None

    def from_hidden(hidden):
        if keeps_gates:
            return _product(transposed_kernel, hidden)
        # Transposed within the step, TensorFlow folds it into the product and copies nothing: a third faster for one
        # text.
        return ops.matmul(ops.transpose(kernel), hidden)

    def step(state, at_step):
        hidden, cell = state
        gates = at_step[0] + from_hidden(hidden)
        input_and_forget, candidate, output_gate = ops.split(gates, [2 * units, 3 * units])
        input_and_forget, output_gate = ops.sigmoid(input_and_forget), ops.sigmoid(output_gate)
        candidate = ops.tanh(candidate)
        input_gate, forget_gate = ops.split(input_and_forget, 2)
        cell = forget_gate * cell + input_gate * candidate
        next_hidden = output_gate * ops.tanh(cell)
        if mask is not None:
            next_hidden = ops.where(at_step[1], next_hidden, hidden)
        kept = [cell, input_and_forget, candidate, output_gate] if keeps_gates else []
        return [next_hidden, cell], [next_hidden, *kept]

    inputs = [_batch_last(from_inputs), *_mask_inputs(mask)]
    rows = [units, units, 2 * units, units, units] if keeps_gates else [units]
    state, (hidden_states, *kept) = time_scan(
        step, [ops.transpose(hidden), ops.transpose(cell)], inputs, [(size, batch) for size in rows]
    )
    return [_batch_last(hidden_states), ops.transpose(state[1]), *kept]


def _backward(d_hidden_states, d_last_cell, kernel, first_cell, mask, cells, input_and_forget, candidate, output_gate):
    """Returns gradients of `from_inputs` and of the first hidden and cell state."""
    units, batch = kernel.shape[0], first_cell.shape[0]
    before = ops.concatenate([ops.transpose(first_cell)[None], cells[:-1]])

    def step(state, at_step):
        d_hidden, d_cell = state
        upstream, cell, before, input_and_forget, candidate, output_gate, *is_token = at_step
        d_hidden = d_hidden + upstream
        d_kept = None
        if is_token:
            d_kept = ops.where(is_token[0], 0, d_hidden)
            d_hidden = d_hidden - d_kept
        input_gate, forget_gate = ops.split(input_and_forget, 2)
        tanh_cell = ops.tanh(cell)
        through_output = d_hidden * output_gate
        d_cell = d_cell + through_output * (1 - tanh_cell * tanh_cell)
        d_gates = ops.concatenate(
            [
                d_cell * candidate * input_gate * (1 - input_gate),
                d_cell * before * forget_gate * (1 - forget_gate),
                d_cell * input_gate * (1 - candidate * candidate),
                through_output * tanh_cell * (1 - output_gate),
            ]
        )
        d_previous = _product(kernel, d_gates)
        return [d_previous if d_kept is None else d_previous + d_kept, d_cell * forget_gate], [d_gates]

    inputs = [_batch_last(d_hidden_states), cells, before, input_and_forget, candidate, output_gate]
    initial = [ops.zeros_like(ops.transpose(first_cell)), ops.transpose(d_last_cell)]
    (d_hidden, d_cell), (d_gates,) = time_scan(
        step, initial, [*inputs, *_mask_inputs(mask)], [(4 * units, batch)], reverse=True
    )
    return _batch_last(d_gates), ops.transpose(d_hidden), ops.transpose(d_cell)


def _product(matrix, columns):
    """`matrix columns` as a batch of one product, for which TensorFlow takes another routine of oneDNN.

    With a matrix of 1152 x 4608, on two cores: 1.1 ms rather than 1.6 ms for 8 columns, the same for 32, and 1.0 ms
    rather than 0.6 ms for a single column, which is rare in training.
    """
    return ops.matmul(matrix[None], columns[None])[0]


def _mask_inputs(mask):
    return [] if mask is None else [mask[:, None, :]]


def _batch_last(steps):
    """Swaps the axes after time, [time, a, b] to [time, b, a]."""
    return ops.transpose(steps, (0, 2, 1))


def _rows(steps):
    """[time, batch, units] as [time * batch, units]."""
    return ops.reshape(steps, (-1, steps.shape[-1]))
