"""The search: which trial comes next, what it is given, and how its end is remembered.

The study lives in an Optuna storage, an index over the folders that can be rebuilt from them. Only
this package, ``running`` and ``web`` import Optuna. The files, in the order in which data pass
through them:

- ``optuna_adapter.py`` — the private names of Optuna, used nowhere else
- ``database.py`` — a database: opened, with a server that is away told by its own error
- ``journal.py`` — a journal file: opened whole after any cut, replaced at once
- ``storage.py`` — either of them, or memory; their errors in a sentence; their trials, only read
- ``storage_access.py`` — one call at a time to the storage, repeated while a server is away
- ``choice_tree.py`` — the choices that trials have made, and which are used up
- ``exhaustive.py`` — grid and brute force: samplers that propose each combination once
- ``paused_trials.py`` — what a sampler sees of trials that are paused
- ``samplers.py`` — every sampler, as a function of seed, trial number and history
- ``pruners.py`` — every pruner, asked once about each epoch
- ``scheduler.py`` — which paused training is taken further: successive halving
- ``any_choices.py`` — choices that are lists, tuples or NumPy's scalars
- ``enqueued.py`` — the proposals to try first: ``enqueued.json`` and the user's files
- ``proposal_check.py`` — whether ``suggest`` can take such a proposal
- ``warm_start.py`` — the best proposals of another sweep
- ``proposal_queue.py`` — which enqueued proposals wait for a trial
- ``optuna_schemas.py`` — the shape and bounds of a trial of Optuna's in a record
- ``trial_conversion.py`` — a trial of Optuna to and from the entry of its folder
- ``study_factory.py`` — the options of a study, and Optuna's own study opened with them
- ``direct_study.py`` — ask, report and tell, each tried once
- ``study_rebuild.py`` — the study made again from the folders
- ``study_check.py`` — the study compared with the folders and the search space
- ``trial_statistics.py`` — how many trials have ended, and how good the best are
- ``study.py`` — the study as the controller uses it, from any thread
- ``importances.py`` — how much each parameter matters

It may import ``experience``, ``space``, ``settings``, ``system`` and what is below them. It stands
beside ``training``: neither imports the other.
"""
