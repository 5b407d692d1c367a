"""The registry (名录): sources, outlets, points, devices, series and who is responsible for them."""
