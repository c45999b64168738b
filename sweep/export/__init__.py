"""A sweep in the formats of other tools: each experience is a run there, each epoch is there once.

The files, in the order in which data pass through:

- `runs.py` — the experiences as runs: parameters, and metrics with the time of each epoch
- `tensorboard_files.py` — as event files of TensorBoard, with its HParams page
- `mlflow_runs.py` — as runs of MLflow, in a database or on a server
- `wandb_folders.py` — as offline runs of Weights & Biases
- `targets.py` — the targets by their names

It may import console and all packages below it, but neither running nor maintenance.
"""
