"""The care of a root: check it, repair it, and merge experiences from other roots.

The files, in the order in which data pass through:

- `useless_files.py` — the files of an experience that nothing reads: doubled, or torn
- `findings.py` — what is under a root: one finding per experience, and repairs by moving away
- `verify.py` — the verification of a whole sweep: its folders, its study, its models
- `merge_check.py` — whether an experience of another root may come in
- `merge.py` — take in experiences that were trained under other roots

It may import console and all packages below it, but not running.
"""
