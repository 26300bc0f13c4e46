"""PyTorch's LSTM for `encoder_speed.py`, in a process of its own: PyTorch need not be in the environment of TensorFlow.

Reads requests as JSON lines from standard input, `{"work": "inference" | "training", "batch": 8}`, runs the work once
and answers each with `{"seconds": 0.1}`. The first answer is `{"torch": "2.1.0"}`.
"""

import json
import sys
import time

import torch
from torch import nn

SIZES, EMBEDDING, VOCABULARY, STEPS = (1152, 1152, 400), 400, 8000, 70


class LanguageModel(nn.Module):
    """Three LSTM layers under a tied softmax, without any dropout."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDING)
        inputs = (EMBEDDING, *SIZES[:-1])
        self.layers = nn.ModuleList(
            [nn.LSTM(size, units, batch_first=True) for size, units in zip(inputs, SIZES, strict=True)]
        )
        self.bias = nn.Parameter(torch.zeros(VOCABULARY))

    def encode(self, ids):
        """Hidden states of the last layer."""
        hidden = self.embedding(ids)
        for layer in self.layers:
            hidden, _ = layer(hidden)
        return hidden

    def forward(self, ids):
        """Logits of the next piece."""
        return self.encode(ids) @ self.embedding.weight.T + self.bias


def main():
    torch.manual_seed(0)
    model = LanguageModel()
    optimizer = torch.optim.Adam(model.parameters())

    def inference(ids):
        with torch.inference_mode():
            model.encode(ids)

    def training(ids):
        loss = nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        is_training = request["work"] == "training"
        ids = torch.randint(2, VOCABULARY, (request["batch"], STEPS + is_training))
        started = time.perf_counter()
        (training if is_training else inference)(ids)
        print(json.dumps({"seconds": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main()
