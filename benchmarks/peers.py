"""One SGD step of a network in each library, in the way that its documentation recommends; a process for each.

`run.py` starts a process for each peer and each number of threads, sends it requests as lines of JSON, and interleaves
them, so that whatever else the machine does hits all of them alike:

    {"do": "prepare", "task": …}   compile and warm up; the answer has the numbers after a few steps, to be compared
    {"do": "time", "task": …}      the best time of a few, in µs

All start from the same weights, take the same samples, and minimise the same loss: half the squared error, summed over
the outputs and averaged over the samples, or, where a task says so, softmax and cross-entropy.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

RATE = 0.01
Array = Any
Step = Callable[[int], None]
Epochs = tuple[Step, Callable[[Array], Array], Callable[[], None]]


def drawn(sizes: list[int], samples: int, *, classes: bool = False) -> tuple[list[Array], Array, Array]:
    """Return weights (in, out), samples and targets, float32, the same for all peers."""
    random = np.random.default_rng(0)
    weights = [(random.normal(size=(a, b)) / np.sqrt(a)).astype(np.float32) for a, b in pairwise(sizes)]
    x = random.normal(size=(samples, sizes[0])).astype(np.float32)
    if classes:
        return weights, x, random.integers(0, sizes[-1], samples)
    return weights, x, random.normal(size=(samples, sizes[-1])).astype(np.float32)


class Peer:
    """What each library has to do; what it has no way for is left out."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def version(self) -> str:
        """Return the name and version of the library."""
        raise NotImplementedError

    def step(self, sizes: list[int], batch: int) -> tuple[Step, Callable[[], list[Array]]]:
        """Return what makes k full-batch steps, and what returns the weights."""
        raise NotImplementedError

    def epoch(self, sizes: list[int], batch: int, x: Array, y: Array, *, classes: bool) -> Epochs:
        """Return what trains k epochs of shuffled minibatches, what returns outputs, and what begins anew."""
        raise NotImplementedError

    def ensemble(self, count: int, sizes: list[int], batch: int) -> Step:
        """Return what makes k full-batch steps of many networks, each with weights of its own."""
        raise NotImplementedError

    def inference(self, sizes: list[int]) -> Step:
        """Return what computes the outputs of one sample, k times."""
        raise NotImplementedError


class Chainrule(Peer):
    """Ours."""

    def version(self) -> str:
        import chainrule

        return f"chainrule {chainrule.__version__}"

    def _kernel(self, sizes: list[int], *, classes: bool = False) -> Any:
        from chainrule import Network, native

        loss = "softmax_ce_index" if classes else "half_squared_error"
        net = Network.read("-".join(map(str, sizes)) + f" --loss {loss} --reduction samples=mean,outputs=sum")
        return native.compile(net, threads=self.threads, quiet=True)

    @staticmethod
    def _packed(weights: list[Array]) -> Array:
        return np.concatenate([w.ravel() for w in weights])

    def step(self, sizes: list[int], batch: int) -> tuple[Step, Callable[[], list[Array]]]:
        weights, x, y = drawn(sizes, batch)
        kernel = self._kernel(sizes)
        params, state = self._packed(weights), kernel.state()

        def run(k: int) -> None:
            kernel.train(params, state, x, y, steps=k, rate=RATE)

        def now() -> list[Array]:
            cuts = np.cumsum([w.size for w in weights])[:-1]
            return [part.reshape(w.shape) for part, w in zip(np.split(params, cuts), weights, strict=True)]

        return run, now

    def epoch(self, sizes: list[int], batch: int, x: Array, y: Array, *, classes: bool) -> Epochs:
        weights, _, _ = drawn(sizes, 1)
        kernel = self._kernel(sizes, classes=classes)
        params, state = self._packed(weights), kernel.state()
        targets = (y + 1).astype(np.float32) if classes else y

        def run(k: int) -> None:
            kernel.train(params, state, x, targets, epochs=k, batch_size=batch, rate=0.1 if classes else RATE)

        def restart() -> None:
            params[:] = self._packed(weights)
            state.clock[:] = 0

        return run, lambda rows: kernel.predict(params, rows), restart

    def ensemble(self, count: int, sizes: list[int], batch: int) -> Step:
        from chainrule import Network, native

        net = Network.read("-".join(map(str, sizes)) + " --reduction samples=mean,outputs=sum")
        ensemble = native.compile_ensemble(net, threads=self.threads, quiet=True)
        _, x, y = drawn(sizes, batch)
        params, state = ensemble.draw(range(count)), ensemble.state(range(count))
        return lambda k: ensemble.train(params, state, x, y, steps=k, rate=RATE)

    def inference(self, sizes: list[int]) -> Step:
        weights, x, _ = drawn(sizes, 1)
        kernel, params = self._kernel(sizes), self._packed(weights)

        def run(k: int) -> None:
            for _ in range(k):
                kernel.predict(params, x)

        return run


class Numpy(Peer):
    """By hand, as one would write it."""

    def version(self) -> str:
        return f"NumPy {np.__version__}"

    @staticmethod
    def _forward(weights: list[Array], x: Array) -> list[Array]:
        a = [x]
        for w in weights[:-1]:
            a.append(1 / (1 + np.exp(-(a[-1] @ w))))
        return [*a, a[-1] @ weights[-1]]

    def _update(self, weights: list[Array], x: Array, y: Array, *, classes: bool, rate: float) -> None:
        a = self._forward(weights, x)
        if classes:
            e = np.exp(a[-1] - a[-1].max(axis=1, keepdims=True))
            delta = e / e.sum(axis=1, keepdims=True)
            delta[np.arange(len(y)), y] -= 1
            delta /= np.float32(len(x))
        else:
            delta = (a[-1] - y) / np.float32(len(x))
        for level in range(len(weights) - 1, -1, -1):
            gradient = a[level].T @ delta
            if level:
                delta = (delta @ weights[level].T) * a[level] * (1 - a[level])
            weights[level] -= np.float32(rate) * gradient

    def step(self, sizes: list[int], batch: int) -> tuple[Step, Callable[[], list[Array]]]:
        weights, x, y = drawn(sizes, batch)

        def run(k: int) -> None:
            for _ in range(k):
                self._update(weights, x, y, classes=False, rate=RATE)

        return run, lambda: weights

    def epoch(self, sizes: list[int], batch: int, x: Array, y: Array, *, classes: bool) -> Epochs:
        weights, _, _ = drawn(sizes, 1)
        random = np.random.default_rng(0)

        def run(k: int) -> None:
            for _ in range(k):
                order = random.permutation(len(x))
                for at in range(0, len(x), batch):
                    rows = order[at : at + batch]
                    self._update(weights, x[rows], y[rows], classes=classes, rate=0.1 if classes else RATE)

        def restart() -> None:
            weights[:] = drawn(sizes, 1)[0]

        return run, lambda rows: self._forward(weights, rows)[-1], restart

    def ensemble(self, count: int, sizes: list[int], batch: int) -> Step:
        weights, x, y = drawn(sizes, batch)
        random = np.random.default_rng(0)
        many = [random.normal(size=(count, *w.shape)).astype(np.float32) for w in weights]

        def run(k: int) -> None:
            for _ in range(k):
                a: list[Array] = [x]
                for w in many[:-1]:
                    a.append(1 / (1 + np.exp(-(a[-1] @ w))))
                delta = (a[-1] @ many[-1] - y) / np.float32(len(x))
                for level in range(len(many) - 1, -1, -1):
                    gradient = np.swapaxes(a[level], -1, -2) @ delta
                    if level:
                        delta = (delta @ np.swapaxes(many[level], -1, -2)) * a[level] * (1 - a[level])
                    many[level] -= np.float32(RATE) * gradient

        return run

    def inference(self, sizes: list[int]) -> Step:
        weights, x, _ = drawn(sizes, 1)

        def run(k: int) -> None:
            for _ in range(k):
                self._forward(weights, x)

        return run


class Torch(Peer):
    """torch.nn and torch.optim, eagerly."""

    compiled = False

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        import torch

        torch.set_num_threads(threads)
        self.torch = torch
        self.device = os.environ.get("CHAINRULE_BENCHMARK_DEVICE", "cpu")

    def version(self) -> str:
        return f"PyTorch {self.torch.__version__}"

    def _model(self, sizes: list[int], weights: list[Array]) -> Any:
        torch = self.torch
        layers: list[Any] = []
        for w in weights:
            layer = torch.nn.Linear(*w.shape, bias=False)
            layer.weight.data = torch.tensor(w.T.copy())
            layers += [layer, torch.nn.Sigmoid()]
        return torch.nn.Sequential(*layers[:-1]).to(self.device)

    def _step_of(self, model: Any, *, classes: bool, rate: float) -> Callable[[Any, Any], None]:
        torch = self.torch
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)

        def loss_of(x: Any, y: Any) -> Any:
            if classes:
                return torch.nn.functional.cross_entropy(model(x), y)
            return torch.nn.functional.mse_loss(model(x), y, reduction="sum") / (2 * len(x))

        if self.compiled:
            loss_of = torch.compile(loss_of)

        def step(x: Any, y: Any) -> None:
            optimizer.zero_grad()
            loss_of(x, y).backward()
            optimizer.step()

        return step

    def _wait(self) -> None:
        if self.device != "cpu":
            self.torch.cuda.synchronize()

    def step(self, sizes: list[int], batch: int) -> tuple[Step, Callable[[], list[Array]]]:
        weights, x, y = drawn(sizes, batch)
        model = self._model(sizes, weights)
        step = self._step_of(model, classes=False, rate=RATE)
        a, b = (self.torch.tensor(part, device=self.device) for part in (x, y))

        def run(k: int) -> None:
            for _ in range(k):
                step(a, b)
            self._wait()

        return run, lambda: [p.detach().cpu().numpy().T for p in model.parameters()]

    def epoch(self, sizes: list[int], batch: int, x: Array, y: Array, *, classes: bool) -> Epochs:
        weights, _, _ = drawn(sizes, 1)
        torch, model = self.torch, self._model(sizes, weights)
        step = self._step_of(model, classes=classes, rate=0.1 if classes else RATE)
        a, b = (torch.tensor(part, device=self.device) for part in (x, y))

        def run(k: int) -> None:
            for _ in range(k):
                for rows in torch.randperm(len(a), device=self.device).split(batch):
                    step(a[rows], b[rows])
            self._wait()

        def outputs(rows: Array) -> Array:
            with torch.no_grad():
                return model(torch.tensor(rows, device=self.device)).cpu().numpy()

        def restart() -> None:
            for parameter, w in zip(model.parameters(), weights, strict=True):
                parameter.data.copy_(torch.tensor(w.T.copy()))

        return run, outputs, restart

    def ensemble(self, count: int, sizes: list[int], batch: int) -> Step:
        torch = self.torch
        weights, x, y = drawn(sizes, batch)
        random = np.random.default_rng(0)
        many = [
            torch.tensor(random.normal(size=(count, *w.shape)).astype(np.float32), requires_grad=True) for w in weights
        ]
        a, b = torch.tensor(x), torch.tensor(y)

        def loss_of(parts: list[Any]) -> Any:
            h = a
            for w in parts[:-1]:
                h = torch.sigmoid(h @ w)
            return ((h @ parts[-1] - b) ** 2).sum() / (2 * len(a))

        if self.compiled:
            loss_of = torch.compile(loss_of)
        optimizer = torch.optim.SGD(many, lr=RATE)

        def run(k: int) -> None:
            for _ in range(k):
                optimizer.zero_grad()
                loss_of(many).backward()
                optimizer.step()

        return run

    def inference(self, sizes: list[int]) -> Step:
        weights, x, _ = drawn(sizes, 1)
        model, a = self._model(sizes, weights), self.torch.tensor(x, device=self.device)
        if self.compiled:
            model = self.torch.compile(model)

        def run(k: int) -> None:
            with self.torch.inference_mode():
                for _ in range(k):
                    model(a)
            self._wait()

        return run


class TorchCompiled(Torch):
    """The same, the loss and its gradient through torch.compile."""

    compiled = True


class Jax(Peer):
    """A jitted step, called once for each step."""

    chunk = 1

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        import jax
        import jax.numpy as jnp

        self.jax, self.jnp = jax, jnp

    def version(self) -> str:
        return f"JAX {self.jax.__version__}"

    def _outputs(self, weights: Any, x: Any) -> Any:
        for w in weights[:-1]:
            x = self.jax.nn.sigmoid(x @ w)
        return x @ weights[-1]

    def _updated(self, weights: Any, x: Any, y: Any, *, classes: bool = False, rate: float = RATE) -> Any:
        jax, jnp = self.jax, self.jnp

        def loss(parts: Any) -> Any:
            out = self._outputs(parts, x)
            if classes:
                return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(out), y[:, None], axis=1))
            return jnp.sum((out - y) ** 2) / (2 * x.shape[0])

        return jax.tree.map(lambda w, g: w - rate * g, weights, jax.grad(loss)(weights))

    def _repeated(self, update: Any, length: int) -> Any:
        """Return update itself, jitted; or a scan of so many updates."""
        jax = self.jax
        if self.chunk == 1:
            return jax.jit(update, donate_argnums=0), 1

        def many(weights: Any, *rest: Any) -> Any:
            return jax.lax.scan(lambda w, _: (update(w, *rest), None), weights, None, length=length)[0]

        return jax.jit(many, donate_argnums=0), length

    def _length(self, sizes: list[int], batch: int, count: int = 1) -> int:
        work = 6 * batch * count * sum(a * b for a, b in pairwise(sizes))
        return int(np.clip(1e9 / work, 4, 4096))

    def step(self, sizes: list[int], batch: int) -> tuple[Step, Callable[[], list[Array]]]:
        weights, x, y = drawn(sizes, batch)
        a, b = self.jnp.asarray(x), self.jnp.asarray(y)
        step, length = self._repeated(self._updated, self._length(sizes, batch))
        one = self.jax.jit(self._updated)
        kept = [self.jnp.asarray(w) for w in weights]

        def run(k: int) -> None:
            nonlocal kept
            if k < length:  # to compare numbers, not times
                for _ in range(k):
                    kept = one(kept, a, b)
                return
            for _ in range(k // length):
                kept = step(kept, a, b)
            self.jax.block_until_ready(kept)

        run.least = length  # type: ignore[attr-defined]
        return run, lambda: [np.asarray(w) for w in kept]

    def epoch(self, sizes: list[int], batch: int, x: Array, y: Array, *, classes: bool) -> Epochs:
        jax, jnp = self.jax, self.jnp
        weights, _, _ = drawn(sizes, 1)
        a, b = jnp.asarray(x), jnp.asarray(y)
        rate = 0.1 if classes else RATE
        kept = [jnp.asarray(w) for w in weights]
        whole, n = len(x) // batch, len(x)

        def update(w: Any, rows: Any) -> Any:
            return self._updated(w, a[rows], b[rows], classes=classes, rate=rate)

        if self.chunk == 1:
            one = jax.jit(update, donate_argnums=0)
            random = np.random.default_rng(0)

            def once(w: Any) -> Any:
                order = random.permutation(n)
                for at in range(0, n, batch):
                    w = one(w, order[at : at + batch])
                return w
        else:

            @jax.jit
            def scanned(w: Any, key: Any) -> Any:
                order = jax.random.permutation(key, n)
                w = jax.lax.scan(lambda v, r: (update(v, r), None), w, order[: whole * batch].reshape(whole, batch))[0]
                return update(w, order[whole * batch :]) if n % batch else w

            key = jax.random.key(0)

            def once(w: Any) -> Any:
                nonlocal key
                key, sub = jax.random.split(key)
                return scanned(w, sub)

        def run(k: int) -> None:
            nonlocal kept
            for _ in range(k):
                kept = once(kept)
            jax.block_until_ready(kept)

        def restart() -> None:
            nonlocal kept
            kept = [jnp.asarray(w) for w in weights]

        return run, lambda rows: np.asarray(self._outputs(kept, jnp.asarray(rows))), restart

    def ensemble(self, count: int, sizes: list[int], batch: int) -> Step:
        jax, jnp = self.jax, self.jnp
        weights, x, y = drawn(sizes, batch)
        random = np.random.default_rng(0)
        kept = [jnp.asarray(random.normal(size=(count, *w.shape)).astype(np.float32)) for w in weights]
        a, b = jnp.asarray(x), jnp.asarray(y)
        step, length = self._repeated(
            jax.vmap(self._updated, in_axes=(0, None, None)), self._length(sizes, batch, count)
        )

        def run(k: int) -> None:
            nonlocal kept
            for _ in range(max(1, k // length)):
                kept = step(kept, a, b)
            jax.block_until_ready(kept)

        run.least = length  # type: ignore[attr-defined]
        return run

    def inference(self, sizes: list[int]) -> Step:
        weights, x, _ = drawn(sizes, 1)
        kept, a = [self.jnp.asarray(w) for w in weights], self.jnp.asarray(x)
        outputs = self.jax.jit(self._outputs)

        def run(k: int) -> None:
            for _ in range(k):
                outputs(kept, a).block_until_ready()

        return run


class JaxScan(Jax):
    """Many steps in one jitted call, by lax.scan."""

    chunk = 2

    def inference(self, sizes: list[int]) -> Step:
        raise NotImplementedError  # there is nothing to scan over


PEERS: dict[str, type[Peer]] = {
    "chainrule": Chainrule, "torch": Torch, "torch.compile": TorchCompiled, "jax": Jax, "jax scan": JaxScan,
    "numpy": Numpy,
}  # fmt: skip


def environment(threads: int) -> dict[str, str]:
    """Return the variables that hold a library to a number of threads; they must be set before it is loaded."""
    count = str(threads)
    flags = f"--xla_cpu_multi_thread_eigen={'false' if threads == 1 else 'true'} intra_op_parallelism_threads={count}"
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    return {**dict.fromkeys(names, count), "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


def best(run: Step, seconds: float, clock: Callable[[], float]) -> float:
    """Return the shortest time of one step, in µs, over calls of a few milliseconds each."""
    k = getattr(run, "least", 1)
    while True:
        start = clock()
        run(k)
        taken = clock() - start
        if taken > 0.002 or k >= 2**24:
            break
        k *= 2
    found, until = taken / k, time.perf_counter() + seconds
    while time.perf_counter() < until:
        start = clock()
        run(k)
        found = min(found, (clock() - start) / k)
    return found * 1e6


def serve(peer: Peer) -> None:
    """Answer requests, a line each, until there are no more."""
    prepared: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = json.dumps(request.get("task"))
        answer: dict[str, Any] = {}
        try:
            if request["do"] == "version":
                answer["version"] = peer.version()
            elif request["do"] == "prepare":
                answer = prepare(peer, request["task"], prepared, key)
            elif request["do"] == "time":
                clock = time.process_time if request["clock"] == "processor" else time.perf_counter
                answer["us"] = best(prepared[key], request["seconds"], clock)
            elif request["do"] == "accuracy":
                answer["accuracy"] = accuracy(peer, **request["task"])
        except NotImplementedError:
            answer["none"] = True
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def prepare(peer: Peer, task: dict[str, Any], prepared: dict[str, Any], key: str) -> dict[str, Any]:
    """Compile and warm up; return how far the weights went in 20 steps, where the task is steps."""
    rest = {name: value for name, value in task.items() if name != "kind"}
    prepared.clear()  # one task at a time is kept
    match task["kind"]:
        case "step":
            run, weights = peer.step(**rest)
            before = drawn(rest["sizes"], 1)[0]
            run(3)
            moved = [float(np.abs(a - b).sum()) for a, b in zip(weights(), before, strict=True)]
            prepared[key] = run
            return {"moved": moved}
        case "epoch":
            samples = rest.pop("samples")
            _, x, y = drawn(rest["sizes"], samples)
            prepared[key], _, _ = peer.epoch(**rest, x=x, y=y, classes=False)
        case "ensemble":
            prepared[key] = peer.ensemble(**rest)
        case "inference":
            prepared[key] = peer.inference(**rest)
    prepared[key](getattr(prepared[key], "least", 1))
    return {}


def accuracy(peer: Peer, sizes: list[int], batch: int, seconds: list[float]) -> list[float]:
    """Return the accuracy on scikit-learn's digits, on samples kept aside, after so much time of training."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    rows, test, labels, truth = train_test_split((x / 16).astype(np.float32), y, random_state=0, test_size=0.25)
    run, outputs, restart = peer.epoch(sizes, batch, rows, labels, classes=True)
    run(1)  # compiled and warm
    restart()
    found, spent = [], 0.0
    for limit in seconds:
        while spent < limit:
            start = time.perf_counter()
            run(1)
            spent += time.perf_counter() - start
        found.append(float((outputs(test).argmax(axis=1) == truth).mean()))
    return found


if __name__ == "__main__":
    serve(PEERS[sys.argv[1]](int(sys.argv[2])))
