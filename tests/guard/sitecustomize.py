"""Python runs this at its start where tests put this folder first on its path: see `loopback_only`."""

import importlib.machinery
import importlib.util
import sys

import loopback_only

loopback_only.install()

# The installation's own file of this name, which this one hides.
_others = [one for one in sys.path if one != loopback_only.HERE]
_hidden = importlib.machinery.PathFinder.find_spec("sitecustomize", _others)
if _hidden is not None and _hidden.loader is not None:
    _hidden.loader.exec_module(importlib.util.module_from_spec(_hidden))
