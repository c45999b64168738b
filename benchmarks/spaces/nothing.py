"""A space that is never trained: for the cost of a sweep beside its trainings."""

FIXED = {"epochs": 10, "batch_size": 32, "seed": 0}


def suggest(trial):
    """Return six numbers, about as many as real spaces have."""
    return {f"x{number}": trial.suggest_float(f"x{number}", 0, 1) for number in range(6)}


def load_data():
    """Raise NotImplementedError: no trial of this space is trained."""
    raise NotImplementedError


def build_model(parameters):
    """Raise NotImplementedError: no trial of this space is trained."""
    raise NotImplementedError
