"""A record table without a server: ``make record RECIPE=path.py`` trains a submitted recipe and adds its row."""
