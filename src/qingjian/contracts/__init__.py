"""What the services of floor 2 and the apps of floor 3 promise each other.

Only data classes, Protocols and the two things everybody needs: the clock and the layout of the data folder.
"""
