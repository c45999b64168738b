"""The folders on disk: one experience, all experiences of a root, and who may write there.

One experience, in the order in which a training writes it:

- `schemas.py` — the shapes and bounds of the JSON files, which may come from anybody
- `entries.py` — the objects in `experience.json`: trials and sessions
- `tuples.py` — which of the parameters are tuples, for JSON has only lists
- `record.py` — the record: the content of `experience.json`, and the state it tells
- `log_csv.py` — `log.csv`: its whole rows, and the best epoch in them
- `folder.py` — the folder of an experience: each file name, reading and writing the record
- `heartbeat.py` — `pulse.json`: how far a training is
- `best_model.py` — `meilleur.model.keras`: whether it is whole, and which epoch it is of
- `position.py` — how far a training is: the JSON file of a backup
- `backup_files.py` — the files of the backups in `sauvegarde/`
- `resume_start.py` — where an interrupted training resumes, and its folder brought back to there
- `resume_proof.py` — the comparison of a resumed training with what the interruption left
- `damage.py` — damage to the files of an ended experience, and its repair

A root, and who holds it:

- `root.py` — where a root may lie, and how its sweep was run last
- `root_lock.py` — the lock of a root, which lets one sweep in at a time
- `lease.py` — the lease on a folder, which lets one process train in it

All experiences of a root:

- `trials.py` — the trials that led to the experiences, with their repeats
- `known_data.py` — the data that the experiences were trained on
- `untrained.py` — the trials that ended before any training, which have no folder
- `ended_list.py` — the experiences that have ended, by which a run reads the others only
- `inventory.py` — all folders, checked and repaired before a study is compared with them
- `accounting.py` — the cost of a sweep and of its interruptions
- `views.py` — what a snapshot shows of a training and of a trial
- `session_spans.py` — the sessions of an experience as spans of time and of epochs
- `logged_metrics.py` — what an experience has logged in each epoch
- `snapshot.py` — all that the folders show at one moment
- `snapshot_reader.py` — reads snapshots again and again

It may import space and system, `settings.py` and `errors.py`.
"""
