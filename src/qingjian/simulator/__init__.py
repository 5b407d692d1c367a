"""Field devices that are not there: the demo county, replay of files, misbehaviour, load."""
