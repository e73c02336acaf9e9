"""An island: one Ray cluster for one array task, started by one `srun` that runs this on every node, or on a laptop.

Rank 0 is Ray's head and runs the driver, which is a verb of this program; the others are Ray's workers. They meet in a
folder of the run (`rendezvous`), and whoever ends, ends everything that it has started. `launch.launch` is the way in.
"""
