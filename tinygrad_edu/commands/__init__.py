"""What `tinygrad-edu train` and `predict` do; `cli.py` reads their options.

Read in this order: `config.py` (the options), `task.py`, `train.py`, `report.py` (what is shown), `predict.py`.
"""
