"""What importing the engine costs: the web server and every worker pay it at each start, before anything can be answered."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["rotation.engine.pipeline", "rotation.engine.prediction", "rotation.engine.backtest"])
def test_scipys_parts_are_loaded_where_they_are_used(module):
    asked = f"import sys, {module}; print(sorted({{'scipy.optimize', 'scipy.sparse', 'scipy.special', 'scipy.stats'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout == "[]\n"
