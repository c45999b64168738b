"""Many trials of one sweep: which comes next, where each is trained, and when the sweep is over.

The files, in the order in which data pass through them:

- ``signals.py`` — Ctrl-C, SIGTERM and SIGHUP stop a controller
- ``controller.py`` — a sweep from its lock to its end: run, rebuild, extend, retry
- ``context.py`` — what all parts of one sweep share
- ``first_error.py`` — the error that ends the sweep, whichever thread meets it
- ``rehearsal.py`` — the search space loaded, and asked for a proposal before anything begins
- ``enqueuing.py`` — proposals put into the queue of a sweep that nobody runs now
- ``opening.py`` — the folders settled, and all that training needs, as an ``OpenSweep``
- ``revival.py`` — failed or pruned experiences, taken up again
- ``extension.py`` — finished experiences, trained for more epochs
- ``study_setup.py`` — the study: the same as before, or rebuilt from the folders
- ``standings.py`` — how far the experiences have come
- ``limits.py`` — whether another trial, or another training, may begin
- ``promotions.py`` — which paused training is taken further
- ``disk_budget.py`` — the disk that a sweep needs, and which backups are freed
- ``agenda.py`` — what is to be done next, whenever a worker is free
- ``training_loop.py`` — the workers, until the sweep is over
- ``trial_runner.py`` — one trial from its number to its end
- ``repeats.py`` — the experiences of a trial, which differ in their seed
- ``record_keeper.py`` — the controller's part of ``experience.json``
- ``same_data.py`` — all trainings have the same data
- ``same_objectives.py`` — all trainings have the same objectives
- ``experience_trainer.py`` — one experience, trained until it has an outcome
- ``restarts.py`` — whether a training that ended without an outcome begins again
- ``trouble.py`` — what becomes of a training that can neither begin nor resume
- ``preparation_probe.py`` — whether another training can be prepared
- ``local_processes.py`` — trainings on this machine, each in a child process
- ``spares.py`` — processes that stand by for the next training
- ``child.py`` — one of these processes, as the controller sees it
- ``child_process.py`` — the child's side of it
- ``data_loader.py`` — the child process that loads the data of a run
- ``dask_cluster.py`` — trainings on a Dask cluster
- ``dask_worker.py`` — what a worker of it runs
- ``trial_check.py`` — ``sweep check``: a few proposals, measured

It may import every package but ``maintenance``, which stands beside it, and ``web``.
"""
