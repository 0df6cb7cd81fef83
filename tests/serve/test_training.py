"""Trainings through the server: led from outside, isolated, bounded, and the same as those of the command line."""

import time

import numpy as np
import pytest

from chainrule import Network
from chainrule.serve import training
from chainrule.serve.data import NAMES, data_for, draw
from serve.serving import running

NET = "2-4:tanh-1 --bias --loss bce_with_logits"


def begun(server, **fields):
    """A training, by its name."""
    answer = server.post("/api/train", **{"network": NET, "data": "xor", "speed": 10_000, **fields})
    assert answer.status == 201, answer.body
    return answer.json["id"]


def tell(server, name, word, **fields):
    return server.post(f"/api/train/{name}/{word}", **fields)


def test_a_training_is_that_of_fit(server):
    """The same samples, the same settings: the same loss of every epoch and the same parameters."""
    settings = {"epochs": 40, "optimizer": "adam", "rate": 0.05, "seed": 3, "standardise": False}
    told = list(server.events(begun(server, settings=settings)))
    assert told[0][0] == "begin" and told[-1] == ("end", {"reason": "finished"})
    points = [point for kind, facts in told if kind == "moment" for point in facts["points"]]
    net = Network.read(NET)
    model = net.fit(*draw(net, "xor", seed=3), **settings)
    assert [point[0] for point in points] == list(range(1, 41))
    np.testing.assert_allclose([p[1] for p in points], [e.loss for e in model.history], rtol=1e-12)
    np.testing.assert_allclose([p[2] for p in points], [e.validation for e in model.history], rtol=1e-12)
    last = [facts for kind, facts in told if kind == "moment"][-1]
    flat = np.concatenate([np.ravel(model.weights[name]) for name in ("W_1", "b_1", "W_2", "b_2")])
    np.testing.assert_allclose(last["p"], flat, rtol=1e-10)


def test_what_is_known_at_the_beginning(server):
    """The parameters, the samples as the network sees them, which are kept aside, and the settings with the seed."""
    events = server.events(begun(server, running="no", settings={"seed": 5, "epochs": 7, "validation": 0.25}))
    kind, begin = next(events)
    events.close()
    assert kind == "begin"
    assert len(begin["p"]) == 17 and begin["settings"]["seed"] == 5 and begin["settings"]["epochs"] == 7
    assert len(begin["x"]) == len(begin["target"]) == len(begin["aside"]) == 200
    assert begin["samples"] + begin["kept"] == 200 and sum(begin["aside"]) == begin["kept"]
    scale = begin["scale"]["x"]
    x = np.array(begin["x"])[np.array(begin["aside"]) == 0]
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-12)
    assert len(scale["mean"]) == 2


def test_reset_begins_with_the_same_weights(server):
    """The seed gives them again; numbers on the screen are kept as they are."""
    found = []
    for fields in (
        {"settings": {"seed": 9}},
        {"settings": {"seed": 9}},
        {"settings": {"seed": 10}},
        {"p": [0.25] * 17},
    ):
        events = server.events(begun(server, running="no", **fields))
        found.append(next(events)[1]["p"])
        events.close()
    assert found[0] == found[1] != found[2] and found[3] == [0.25] * 17


def test_it_is_led(server):
    """It waits, steps once for each step, goes, pauses, goes at another speed, and stops."""
    name = begun(server, running="no", settings={"epochs": 5000})
    events = server.events(name)
    assert next(events)[0] == "begin"
    for number in (1, 2, 3):
        assert tell(server, name, "step").status == 200
        kind, facts = next(events)
        assert kind == "moment" and facts["epoch"] == number and [p[0] for p in facts["points"]] == [number]
    assert tell(server, name, "speed", speed=40).status == 200
    assert tell(server, name, "go").status == 200
    began = time.monotonic()
    epoch = 3
    while epoch < 20:
        epoch = next(events)[1]["epoch"]
    assert time.monotonic() - began > 0.3
    assert tell(server, name, "pause").status == 200
    time.sleep(0.3)
    assert tell(server, name, "step").status == 200
    seen = [facts["epoch"] for kind, facts in (next(events) for _ in range(1)) if kind == "moment"]
    assert tell(server, name, "stop").status == 200
    told = list(events)
    assert seen and told[-1] == ("end", {"reason": "stopped"})
    assert tell(server, name, "go").status == 200  # one that has ended does not mind


def test_who_comes_later_sees_all_of_it(server):
    """A second window, or a connection that broke: the beginning, and every point so far."""
    name = begun(server, settings={"epochs": 30})
    assert list(server.events(name))[-1][1] == {"reason": "finished"}
    told = list(server.events(name))
    assert [kind for kind, _ in told] == ["begin", "moment", "end"]
    assert [point[0] for point in told[1][1]["points"]] == list(range(1, 31))


def test_a_training_is_its_visitors_own(server):
    """Nobody else sees it or leads it, whoever knows its name; nor somebody without a cookie."""
    name = begun(server, running="no")
    other = "visitor-of-somebody-else-0123456789"
    for word in ("go", "stop"):
        answer = server.ask("POST", f"/api/train/{name}/{word}", "{}", Cookie=f"chainrule-visitor={other}")
        assert (answer.status, answer.key) == (404, "no_training")
    assert server.ask("GET", f"/api/train/{name}/events", Cookie=f"chainrule-visitor={other}").status == 404
    assert server.ask("GET", f"/api/train/{name}/events", Cookie=None).status == 403
    assert server.ask("POST", "/api/train", '{"network": "2-1", "data": "xor"}', Cookie=None).status == 403
    assert tell(server, name, "step").status == 200


def test_a_file_is_trained_on(server):
    """Columns by name, classes by any name; what is wrong in it is said with its line."""
    rows = "height,width,kind\n" + "".join(f"{k % 7},{k % 5},{'big' if k % 7 > 3 else 'small'}\n" for k in range(60))
    told = list(
        server.events(begun(server, data=None, csv=rows, name="flowers.csv", columns="kind", settings={"epochs": 3}))
    )
    begin = told[0][1]
    assert begin["classes"] == ["big", "small"] and begin["names"]["x"] == ["height", "width"]
    bad = rows.replace("3,3,", "3,oops,", 1)
    told = list(server.events(begun(server, data=None, csv=bad, name="../../etc/flowers.csv", columns="kind")))
    [(kind, facts)] = told
    assert kind == "end" and facts["reason"] == "refused"
    assert "flowers.csv" in facts["message"] and "oops" in facts["message"] and "etc" not in facts["message"]


@pytest.mark.parametrize(
    ("fields", "part"),
    [({"network": "no"}, "no"), ({"data": "nothing"}, "nothing"), ({"network": "3-1"}, "xor"),
     ({"csv": ""}, "data.csv"), ({"csv": "a,b\n"}, "data.csv"), ({"settings": {"rate": -1}}, "rate"),
     ({"settings": {"epochs": 10**9}}, "epochs"), ({"settings": {"threads": 64}}, "threads"), ({"speed": 0}, "speed")],
)  # fmt: skip
def test_what_cannot_be_trained_is_said(server, fields, part):
    """In the stream, whose end it is."""
    [(kind, facts)] = server.events(begun(server, **fields))
    assert kind == "end" and facts["reason"] == "refused" and part in facts["message"]


def test_a_loss_that_diverges_is_said(server):
    """In the visitor's language."""
    fields = {"network": "2-4:relu-1", "data": "hill", "lang": "ko",
              "settings": {"optimizer": "sgd", "rate": 1e6, "epochs": 500}}  # fmt: skip
    told = list(server.events(begun(server, **fields)))
    assert told[-1][1]["reason"] == "diverged" and "학습률" in told[-1][1]["message"]


def test_a_visitor_has_so_many_and_all_together(server, monkeypatch):
    """The oldest of one visitor makes room for his next; where all places are taken, the next one is turned away."""
    own = [begun(server, running="no") for _ in range(training.MOST_EACH + 1)]
    assert tell(server, own[0], "go").status == 404 and tell(server, own[-1], "go").status == 200
    monkeypatch.setattr(training, "MOST_TRAININGS", sum(run.end is None for run in server.site.trainings.runs.values()))
    answer = server.ask(
        "POST", "/api/train", '{"network": "2-1", "data": "xor"}', Cookie="chainrule-visitor=" + "z" * 30
    )
    assert (answer.status, answer.key) == (503, "too_many_trainings") and answer.headers["retry-after"]


def test_too_many_words_are_turned_away(server):
    """A training listens to so many a second; what it leaves unread must not hold up the server."""
    name = begun(server, running="no")
    assert 429 in {tell(server, name, "step").status for _ in range(training.MOST_WORDS * 3)}


def test_a_training_that_nobody_watches_ends(monkeypatch):
    """Its process too."""
    monkeypatch.setattr(training, "LONELY_SECONDS", 0.5)
    with running(jobs=1) as server:
        name = begun(server, settings={"epochs": 10_000}, speed=10)
        run = server.site.trainings.runs[name]
        events = server.events(name)
        assert next(events)[0] == "begin" and next(events)[0] == "moment"
        time.sleep(0.8)
        assert run.process.is_alive()
        events.close()
        for _ in range(100):
            if name not in server.site.trainings.runs and not run.process.is_alive():
                break
            time.sleep(0.1)
        assert name not in server.site.trainings.runs and not run.process.is_alive()


def test_the_end_of_the_server_ends_them():
    """No process is left, and whoever watches is told."""
    with running(jobs=1) as server:
        name = begun(server, speed=10, settings={"epochs": 10_000})
        run = server.site.trainings.runs[name]
        events = server.events(name)
        assert next(events)[0] == "begin"
    assert list(events)[-1] == ("end", {"reason": "closed"})
    run.process.join(5)
    assert not run.process.is_alive()


@pytest.mark.parametrize(
    "network", ["2-4-1", "2-4:tanh-1 --loss bce_with_logits", "2-3:tanh-2 --loss softmax_cross_entropy",
                "2-3-1 --loss hinge", "2-3-2 --loss softmax_cross_entropy_index", "1-4:tanh-1",
                "3-2-2", "4-3-3 --loss softmax_ce", "2-3-1:sigmoid --loss bce", "1-2-1 --loss mae"],
)  # fmt: skip
def test_small_data_fit_their_networks(network):
    """Every name that is offered can be trained on: in range, of the right kind, the same for the same seed."""
    net = Network.read(network)
    assert "teacher" in data_for(net)
    for name in data_for(net):
        x, y = draw(net, name, seed=1)
        assert len(x) == len(y) == 200 and x.shape[1] == net.inputs and np.abs(x).max() < 1.6
        again, other = draw(net, name, seed=1), draw(net, name, seed=2)
        assert np.array_equal(x, again[0]) and np.array_equal(y, again[1]) and not np.array_equal(x, other[0])
        model = net.fit(x, y, epochs=2, seed=1)
        assert np.isfinite(model.history[-1].loss)


def test_networks_learn_the_small_data():
    """They are what they are called: what a network must be able to tell apart, it learns to."""
    for name in ("xor", "circles", "moons", "spiral"):
        net = Network.read("2-16:tanh-16:tanh-1 --bias --loss bce_with_logits")
        model = net.fit(*draw(net, name, seed=1), epochs=300, rate=0.02, seed=1, validation=0, standardise=False)
        assert model.training.accuracy > 0.97, name
    assert set(NAMES) >= {"xor", "circles", "moons", "spiral", "hill", "sine", "step", "teacher"}
