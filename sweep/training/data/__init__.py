"""The data of a search space: loaded, checked, kept for a run, and made into batches.

The files, in the order in which data pass through them:

    opened_files.py — the files that load_data opens
    module_globals.py — the globals that load_data sets, for trainings that do not call it
    as_array.py — arrays of other libraries as NumPy's
    arrays.py — the check of the arrays that load_data returns, and their digest
    kept_data.py — the sets of data that a run keeps, one for each set of values that was read
    run_cache.py — the folder on this host that keeps the data of a run
    loading.py — the data, loaded in this process or mapped from the cache of the run
    make_batches.py — the choice of the batch source for what load_data returned
    batch_source.py — the interface of all sources of batches
    array_batches.py — arrays as batches, in an order that (seed, epoch) decides
    streams.py — what all streams of batches have in common
    tf_datasets.py — batches of a tf.data.Dataset, or of one for each epoch
    py_datasets.py — batches of a keras.utils.PyDataset
    class_weight.py — weights by class, for batches of any source
    tf_cache_lock.py — the lock that a killed process leaves in a cache of tf.data

It may import ``system``, ``space`` and ``experience``, of ``training.state`` the modules that know
no training, and ``training.steps`` for the type of a weighing.
"""
