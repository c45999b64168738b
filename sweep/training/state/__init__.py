"""All of a training that is not in the weights of its model: found, compared, saved and restored.

What decides how a training continues may lie in any Python object that it reaches. The state walks
these objects once when the model is built, and again for each backup, and saves what has changed.

The files, in the order in which data pass through them:

The walk
    ownership.py — whose code it is: the user's own, or that of Python and of packages
    keras_attributes.py — which attributes of Keras's objects are Keras's own
    object_kinds.py — which objects the graph looks into, and as what kind
    object_attributes.py — what an object refers to by name
    object_parts.py — the content of a container, an array, a table or a frame
    leaf_values.py — values that cannot change, as JSON and back
    opaque_values.py — whether a value that cannot be saved has changed
    object_graph.py — the objects that a training reaches, with the parts of each

The save
    changes.py — what has changed in the graph since the search space built it
    variables.py — one variable of TensorFlow or Keras, as JSON and back
    model_variables.py — which variables of a model Keras does not save with its weights
    model_settings.py — what a model is compiled with, what is trainable, its schedule
    traced_steps.py — the variables that only the graph of a step uses
    random_state.py — seeds and generators
    own_folder.py — paths in the folder of the experience, which may be another one later
    packing.py — plain values and arrays as JSON and back
    arrays_file.py — the arrays of a backup, in the file of its weights

The restore
    saved_objects.py — the objects of a new process that stand for the saved ones
    filling.py — put saved values into an object
    restoring.py — restore all saved changes, or return to what was built

The whole
    training_state.py — the state of one training: captured, prepared, restored
    callback_fingerprint.py — how a callback was made, to compare two trainings

It may import ``system`` and the modules of ``training`` that know no training as a whole: ``hdf5``
and ``callback_hooks``.
"""
