"""The worker: runs cases of layer code under one engine. Plain Python 3.6 and numpy; imports nothing from kmigrate.

Started as ``<stack python> worker`` (this folder) with the environment that ``runner.py`` makes. It speaks JSON lines over
private duplicates of standard input and output; whatever user code prints goes to standard error. Requests:

``{"op": "run", "module": {...}, "unit": {...}, "case": {...}}``   -> one result
``{"op": "probe", "module": {...}, "unit": {...}, "cases": [...]}`` -> the first case that runs, forward only
``{"op": "prove", ...}``                                           -> see proof.py
``{"op": "signatures", "symbols": [...]}``                         -> parameter names of engine functions
``{"op": "doctor"}``                                               -> versions, and a small computation
"""
