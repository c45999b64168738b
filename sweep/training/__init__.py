"""One experience, trained in one process, so that an interrupted training resumes exactly.

The files, in the order in which data pass through them:

- protocol.py — the messages between the controller and a training
- preload.py — Keras, imported once for all trainings of a machine
- process_setup.py — the threads and the seed of a process
- train.py — one experience, trained from wherever it is to its end
- folder_preparation.py — waits for other processes, and brings the folder back to its backup
- preparation.py — all that is trained, made from the search space
- data/ — the data of the search space, as batches in an order that can be resumed
- training_data.py — these batches for one training, and whether its data have changed
- phase_preparation.py — the model, prepared for a phase
- model_build.py — the model, built and checked, and the size of its files
- user_callbacks.py — the callbacks of the search space
- objective_choice.py — the objectives of this model and these callbacks
- findings.py — what the preparation finds out, for the record
- parent_comparison.py — an extension, compared with the training that it extends
- session.py — the session in the record: begin, heartbeat, compare, end
- machine_differences.py — what differs between the machines of two sessions
- training_progress.py — how far a session is
- heartbeat_writer.py — ``pulse.json``
- training_phases.py — where a training is among its phases
- callback_list.py — the order of the callbacks, and the reason for the place of each
- callback_hooks.py — which hooks of Keras a callback answers to
- keras_callbacks.py — Keras's own callbacks, and what they do to logs and weights
- log_values.py — what callbacks put into the logs, as numbers and as cells
- epoch_watcher.py — notes what was validated, before the user's callbacks
- monitored_callback.py — refuses a training whose logs lack MONITOR
- finite_callback.py — ends a training whose metrics are not finite
- saving/ — what a training writes: its best model, its log and its backups
- state/ — all state that the weights do not hold, saved and restored
- reports_callback.py — tells the controller of each epoch
- fit.py — the calls of ``model.fit``
- steps.py — many batches in one call of TensorFlow
- batch_loops.py — the loops over these batches
- endings.py — the ways in which a training ends early
- space_errors.py — errors of the search space, told from those of our own files
- h5py_errors.py — errors of h5py as plain OSErrors
- hdf5.py — files of weights, checked before they are read
- measure.py — the cost of a training
- certificate.py — whether a resume is exact, tried before a long training
- evaluate.py — best models, evaluated and compared with their logs

It may import system/, space/, experience/ and what lies below them; it never imports search/. It is
the only package that imports TensorFlow.
"""
