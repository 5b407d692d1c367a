"""`python -m qingjian.simulator '{"host": "127.0.0.1", "port": 9212, …}'`: the demo county's devices as a process."""

import sys

from qingjian.simulator.process import main
from qingjian.simulator.settings import SimulatorSettings

if __name__ == "__main__":
    main(SimulatorSettings.from_json(sys.argv[1] if len(sys.argv) > 1 else "{}"))
