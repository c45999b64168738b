"""The user's search space: its file, the modules that it imports, its checks, and its ids.

In the order in which data pass through them:

- ``scaffold.py`` — write a new search space from ``template.txt``
- ``locating.py`` — find the file of a search space, and the project that it belongs to
- ``source.py`` — read that file once, and tell what was changed in it
- ``fingerprint.py`` — a hash of each part of a Python text
- ``own_modules.py`` — find the user's own modules that the search space imports
- ``project.py`` — import these modules from the text that was read
- ``arguments.py`` — call a function of the search space with the arguments that it takes
- ``phases.py`` — the phases of a training
- ``noted_parameters.py`` — the parameters that ``load_data`` gets, which note what it reads
- ``search_space.py`` — execute and check a search space, and the parameters that it suggests
- ``mistakes.py`` — errors of the user's code in one sentence
- ``directions.py`` — whether a metric is better when greater or smaller, told from its name
- ``objectives.py`` — the metrics that a sweep optimises, ranks, and the Pareto front
- ``identity.py`` — parameters to ``id_experience``

It imports ``system``, ``settings`` and what is below them.
"""
