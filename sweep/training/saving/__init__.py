"""What a training writes: its best model, its log and its backups, while it goes on.

The files, in the order in which data pass through them:

    best_model_callback.py — which epoch is the best, and ``meilleur.model.keras``
    log_callback.py — ``log.csv``
    event_files.py — TensorBoard's files of the callbacks, cut back like the log
    held_model.py — a model held in memory, and the files that plain Keras makes of it
    background_write.py — a write in a thread, while the training goes on
    backup_writer.py — what a backup holds, in which order it is written, and how it is put back
    save_interval.py — how long a training goes on between two backups
    save_schedule.py — when the next one is due
    saver.py — saves when that is due, and tells what cannot be saved
    patient_writes.py — writes that wait for a disk at the end of a training
    backup_callback.py — saves after a batch, and resumes from a backup

It may import ``system``, ``space``, ``experience``, ``training.state``, and of ``training`` what
knows no training as a whole: it is ``training.callback_list`` that puts the callbacks together.
"""
