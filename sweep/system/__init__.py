"""This machine: its files, its processes, its GPUs. Nothing here knows of trials.

In the order in which data pass through them:

- ``host.py`` — this machine and this process, as another machine can recognise them
- ``gpu.py`` — which GPU each worker uses
- ``keras_backend.py`` — the backend that the user has chosen for Keras
- ``installed.py`` — whether a file belongs to Python or to an installed package
- ``program.py`` — how the command line is called here
- ``plain_files.py`` — open, rename and list files below a root, never through a link
- ``files.py`` — write a file whole or not at all; wait for a disk that is gone or full
- ``zip_member.py`` — a member of an archive, written in place
- ``lent_files.py`` — a path to an open file, for libraries that open by path
- ``json_text.py`` — read JSON that may be torn, too large, or hostile
- ``json_object.py`` — an object of a JSON file as a dataclass, written back byte for byte
- ``output.py`` — output that ends no work where it cannot be written

It imports ``version``, ``wording`` and ``errors``.
"""
