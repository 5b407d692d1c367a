"""`python -m qingjian.gateway '{"data": "/var/lib/qingjian", "name": "gateway-1", …}'`: a gateway process."""

import sys

from qingjian.gateway.process import main
from qingjian.gateway.settings import GatewaySettings

if __name__ == "__main__":
    main(GatewaySettings.from_json(sys.argv[1]))
