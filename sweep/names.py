"""The names that options choose from, repeated here so that --help answers without Optuna."""

# Of ``sweep.search.samplers``, ``sweep.search.pruners`` and ``sweep.search.scheduler``.
SAMPLERS = ("tpe", "random", "cmaes", "grid", "qmc", "nsgaii", "brute_force", "gp")
PRUNERS = (
    *("none", "median", "percentile", "successive_halving"),
    *("hyperband", "patient", "threshold"),
)
SCHEDULERS = ("none", "asha", "sh")
# What ``sweep export --to`` takes.
EXPORTS = ("tensorboard", "mlflow", "wandb-offline")
