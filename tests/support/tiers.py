"""The sample of a matrix that ``make test`` runs."""

import pytest


def sampled(matrix, *sample):
    """Return the parameters of a matrix, of which those outside the sample are marked ``long``.

    Args:
        matrix: values, or tuples of the values of several parameters.
        sample: the values, or the first values of the tuples, that ``make test`` runs.
    """
    return [_param(one, one[0] if isinstance(one, tuple) else one, sample) for one in matrix]


def _param(one, name, sample):
    marks = () if one in sample or name in sample else pytest.mark.long
    return pytest.param(*(one if isinstance(one, tuple) else (one,)), marks=marks)
