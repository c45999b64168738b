"""The tools of the tests.

- ``warm``: a Python that has imported everything, and forks the programs that tests start.
- ``command``: ``sweep`` as a user has it, warm or cold; ``terminal``: in a terminal of its own.
- ``trainer``: one training in a real process, killed at a given step by ``spaces/cut.py``.
- ``stand_ins``: whole sweeps whose trainings take no time, killed at a given step.
- ``folders``: folders as finished, interrupted, pruned and failed trainings leave them.
- ``search``: a search without folders, killed at a given step.
- ``bits``: compares experiences bit for bit.
- ``zoo``: search spaces as people write them, killed and stopped at six places.
- ``twins``: folders that many tests compare with, made once a session.
- ``tiers``: the sample of a matrix that ``make test`` runs.
- ``full_disk``: a disk that is really full.
- ``lacking``: skips a test, and fails it in CI, where a program is missing.
- ``documents``, ``browser``, ``postgresql``, ``dask_cluster``: a reader and real servers.
"""
