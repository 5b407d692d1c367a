"""Surface water: class, means, ratings, trends, lakes, rankings and special purposes."""
