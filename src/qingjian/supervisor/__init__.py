"""Keep the processes of one node running: start in order, restart what falls, drain in reverse order."""
