"""The benchmark's network of 22 million weights, whose saves of 264 MB follow one another."""

import pathlib
import runpy

import cut

cut.save_all_the_time(step_s=0.0)
BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"
SPACE = runpy.run_path(str(BENCHMARKS / "spaces" / "large.py"))
suggest, load_data, build_model = SPACE["suggest"], SPACE["load_data"], SPACE["build_model"]
FIXED = {"batch_size": 64, "seed": 0, "epochs": 2}
