"""Which worker has which GPU: tried without any, for it is a matter of names only."""

import threading

import pytest

from sweep.system.gpu import environment_of, visible_gpus

TWO = ["null", "nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "tty"]


@pytest.mark.parametrize(
    ("environment", "devices", "gpus"),
    [
        ({}, TWO, ["0", "1"]),
        ({}, ["null", "tty"], []),
        ({}, [f"nvidia{number}" for number in (10, 2, 0)], ["0", "2", "10"]),
        ({"CUDA_VISIBLE_DEVICES": "1"}, TWO, ["1"]),
        ({"CUDA_VISIBLE_DEVICES": " 1, 0 "}, TWO, ["1", "0"]),
        (
            {"CUDA_VISIBLE_DEVICES": "GPU-8932f937,MIG-3eb87630"},
            TWO,
            ["GPU-8932f937", "MIG-3eb87630"],
        ),
        ({"CUDA_VISIBLE_DEVICES": "0,-1,1"}, TWO, ["0"]),
        ({"CUDA_VISIBLE_DEVICES": ""}, TWO, []),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, TWO, []),
        ({"CUDA_VISIBLE_DEVICES": "0"}, ["null"], []),
    ],
)
def test_the_gpus_are_those_that_cuda_would_see(environment, devices, gpus):
    assert visible_gpus(environment, devices) == gpus


def test_each_worker_has_one_gpu_in_turn():
    asked = [environment_of(worker, ["0", "3"])["CUDA_VISIBLE_DEVICES"] for worker in range(5)]
    assert asked == ["0", "3", "0", "3", "0"]


def test_without_a_gpu_nothing_is_said_of_any():
    assert environment_of(0, []) == {}


def test_trainings_side_by_side_see_one_gpu_each(trainer, tmp_path, space, monkeypatch):
    """The names alone: TensorFlow finds no such device here, and trains on the CPU."""
    trainer.place._spares.dismiss()
    monkeypatch.setattr(trainer.place._spares, "_gpus", ["0", "3"])
    note = (
        f"open({str(tmp_path / 'seen')!r}, 'a').write(os.environ['CUDA_VISIBLE_DEVICES'] + '\\n')"
    )
    path = space(
        (
            "    import keras\n\n    hidden",
            f"    import os\n    import keras\n    {note}\n    hidden",
        )
    )

    def train(units):
        trainer(
            path,
            tmp_path,
            parameters={"units": units, "rate": 0.1, "epochs": 2, "batch_size": 50, "seed": 0},
        )

    both = [threading.Thread(target=train, args=(units,)) for units in (4, 5)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    train(6)
    assert sorted((tmp_path / "seen").read_text().split()[:2]) == ["0", "3"]
    assert (tmp_path / "seen").read_text().split()[2] == "0", "the first worker is free again"
