"""A resume proves itself.

What the interrupted process left beyond its backup comes again, or the record says it did not.
"""

import json
import shutil

import pytest

from support.bits import assert_equal, only
from support.trainer import SPACES
from sweep.experience.record import State
from sweep.experience.resume_proof import NO_EVIDENCE, Evidence, Proof, Sample, exact
from sweep.training.protocol import EpochDone

PARAMETERS = {"units": 6, "epochs": 3, "batch_size": 32, "seed": 5}
SAVE_FREQ = 7  # of 10 batches an epoch: the backup before the end of epoch 1 is after its batch 4
HIDDEN = ("restoring.restore", "graph, built, saved, arrays")
STATE = ("training_state.TrainingState.restore", "self, plain, arrays")


def changing(function, arguments, *lines, wrapped="        return original({arguments})"):
    """Return the text that lets a function of sweep do these lines first."""
    body = "\n".join(f"        {line}" for line in lines)
    call = wrapped.format(arguments=arguments)
    wrapper = f"    def run({arguments}):\n{body}\n{call}\n    return run"
    return f"def changed(original):\n{wrapper}\n{function} = changed({function})\n"


# Each forgets or changes one thing in a resume. The text is executed in the process that trains.
MUTATIONS = {
    "a hidden variable": changing(
        *HIDDEN, 'saved = {**saved, "variables": saved["variables"][1:]}'
    ),
    "an attribute of a callback": changing(
        *HIDDEN, 'saved["objects"]["Anneals"]["parts"].pop("count")'
    ),
    "a global of the module": changing(
        *HIDDEN, 'saved["objects"]["stateful"]["parts"].pop("BATCHES")'
    ),
    "the seed of Dropout": "model_variables.variables_beside_weights = "
    "lambda model: list(model.metrics_variables)\n"
    + changing(*STATE, 'plain = {**plain, "variables": plain["variables"][1:]}'),
    "the running metrics": changing(
        *STATE,
        "lost = original(self, plain, arrays)",
        "self._model.reset_metrics()",
        wrapped="        return lost",
    ),
    "the moments of the optimizer": changing(
        *STATE,
        "for variable in self._model.optimizer.variables[2:]: variable.assign(variable * 0)",
    ),
    "the learning rate": changing(*STATE, "self._model.optimizer.learning_rate.assign(0.01)"),
    "a weight": changing(
        *STATE, "weight = self._model.trainable_weights[-1]", "weight.assign(weight * 0.999)"
    ),
    "the state of NumPy's and Python's generators": """
training_state.set_random_states = lambda states: None
""",
    "the position in the epoch, by one batch": changing(
        "steps.Steps.begin",
        "self, epoch=0, done=0, logs=None",
        wrapped="        original(self, epoch, done - 1 if done else 0, logs)",
    ),
    "the order of the epoch": changing(
        "array_batches.ArrayBatches.begin",
        "self, epoch, batch=0",
        wrapped="        original(self, epoch + (1 if batch else 0), batch)",
    ),
}
LAST_BIT = "import numpy\n" + changing(
    *STATE,
    "weight = self._model.trainable_weights[0]",
    "value = weight.numpy()",
    "value[0, 0] = numpy.nextafter(value[0, 0], numpy.float32(9))",
    "weight.assign(value)",
)
BEFORE = """
from sweep.training import steps
from sweep.training.data import array_batches
from sweep.training.state import model_variables, restoring, training_state
"""


@pytest.fixture(scope="session")
def killed(trainer, twins):
    """Return a root whose training was killed between a row of log.csv and the backup after it."""

    def make(root):
        cut = {"epoch": 1, "end": True}
        end = trainer("stateful", root, cut, SAVE_FREQ, PARAMETERS)
        assert "SIGKILL" in end.why

    return twins("killed before the backup of a row", make)


@pytest.fixture
def resumed(trainer, killed, tmp_path):
    """Return a function that resumes the killed training, mutated, and gives its experience."""

    def resume(mutation=""):
        shutil.copytree(killed, tmp_path / "root")
        shutil.copy(SPACES / "cut.py", tmp_path)
        path = tmp_path / "stateful.py"
        path.write_text(
            f"{(SPACES / 'stateful.py').read_text()}\n\n{BEFORE if mutation else ''}{mutation}"
        )
        end = trainer(path, tmp_path / "root", None, SAVE_FREQ, PARAMETERS)
        assert end.ending == "outcome", end
        experience = only(tmp_path / "root")
        assert experience.state() is State.FINISHED, experience.read().outcome.reason
        return experience

    return resume


def test_a_resume_that_is_exact_has_its_proof_in_the_record(resumed, trainer, tmp_path):
    experience = resumed()
    proof = experience.read().sessions[-1].proof
    assert proof.compared >= 1
    assert proof.differs == []
    assert experience.read().sessions[-1].evidence is None
    trainer("stateful", tmp_path / "uncut", None, SAVE_FREQ, PARAMETERS)
    assert_equal(experience, only(tmp_path / "uncut"))


@pytest.mark.parametrize("forgotten", MUTATIONS)
def test_a_resume_that_forgets_something_is_found_out_by_its_own_proof(resumed, trainer, forgotten):
    record = resumed(MUTATIONS[forgotten]).read()
    (difference,) = record.sessions[-1].proof.differs
    assert "epoch 1" in difference
    assert "after the resume, and was" in difference
    assert difference in record.approximate_because
    assert any(difference in getattr(news, "text", "") for news in trainer.news), "it is said"


def test_a_stop_leaves_evidence_that_finds_out_the_last_bit_of_one_weight(trainer, tmp_path, space):
    path = space(of="stateful")

    def stop(news):
        if isinstance(news, EpochDone) and news.epoch == 0:
            trainer.stop.set()
        return False

    end = trainer(path, tmp_path / "root", None, 1000, PARAMETERS, on_news=stop)
    assert end.ending == "stopped"
    (session,) = only(tmp_path / "root").read().sessions
    epoch, batch, logs = session.ended.sample
    assert (epoch, batch) > (session.ended.epoch, session.ended.batch)
    assert set(logs) == {"acc", "loss", "the digest of the weights"}
    shutil.copytree(tmp_path / "root", tmp_path / "mutated")
    trainer(path, tmp_path / "root", None, 1000, PARAMETERS)
    proof = only(tmp_path / "root").read().sessions[-1].proof
    assert (proof.compared, proof.differs) == (1, [])
    path.write_text(f"{path.read_text()}\n\n{BEFORE}{LAST_BIT}")
    trainer(path, tmp_path / "mutated", None, 1000, PARAMETERS)
    (difference,) = only(tmp_path / "mutated").read().sessions[-1].proof.differs
    assert "the digest of the weights is" in difference


def proof_of(evidence):
    said = []
    return Proof(evidence, said.append), said


def test_a_row_that_comes_again_is_proven_and_another_is_named_with_both_values():
    evidence = Evidence("epoch,acc,loss\n", {3: "3,0.5,0.25\n", 4: "4,0.5,0.125\n"}, [])
    proof, said = proof_of(evidence)
    header = "epoch,acc,learning_rate,loss\n"  # today's code logs what callbacks add, too
    proof.at_row(2, header, "2,0.1,0.01,0.1\n")
    proof.at_row(3, header, "3,0.5,0.01,0.25\n")
    proof.at_row(4, header, "4,0.5,0.01,0.1250000001\n")
    assert said == [None, "in epoch 4, loss is 0.1250000001 after the resume, and was 0.125"]
    assert proof.evidence.is_empty()


def test_running_metrics_are_compared_to_the_last_bit_and_nan_is_equal_to_itself():
    logs = {"loss": 0.1 + 0.2, "acc": float("nan")}
    evidence = Evidence("", {}, [Sample(1, 5, logs), Sample(1, 7, logs)])
    proof, said = proof_of(Evidence.from_content(json.loads(json.dumps(evidence.as_content()))))
    assert proof.batches_to_next(1, 2) == 3
    assert proof.batches_to_next(0, 2) is None
    proof.at_batch(1, 5, dict(logs))
    proof.at_batch(1, 7, {**logs, "loss": 0.3})
    assert said[0] is None
    assert said[1].startswith("after batch 7 of epoch 1, loss is 0.3 after the resume")


def test_evidence_of_before_the_backup_and_torn_rows_are_no_evidence():
    content = {
        "header": "epoch,loss\n",
        "rows": ["1,0.5\n", "2,0.4\n", "\0\0\n"],
        "samples": [[2, 3, {"loss": 1}]],
    }
    evidence = Evidence.from_content(content)
    assert evidence.after(2, 3) == Evidence("epoch,loss\n", {2: "2,0.4\n"}, [])
    assert evidence.after(2, 2).samples == [Sample(2, 3, {"loss": 1})]
    assert Evidence.from_content({"rows": 5}) == NO_EVIDENCE
    assert Evidence.from_content(None) == NO_EVIDENCE


def test_of_many_rows_the_first_and_the_last_are_kept():
    rows = [f"{epoch},0.5\n" for epoch in range(1000)]
    kept = Evidence.from_content({"header": "epoch,loss\n", "rows": rows, "samples": []}).after(
        0, 0
    )
    assert [*kept.rows] == [0, 1, 2, 997, 998, 999]


def test_metrics_of_several_numbers_are_plain_numbers():
    np = pytest.importorskip("numpy")
    assert exact({"loss": 0.5, "each": np.array([1.0, 2.0]), "one": np.float32(0.1)}) == {
        "loss": 0.5,
        "each": [1.0, 2.0],
        "one": float(np.float32(0.1)),
    }
