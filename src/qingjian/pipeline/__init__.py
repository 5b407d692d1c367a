"""The pipeline: from journals to lake, latest values and findings; see README.md."""
