"""What `hub run` serves over HTTP: health, metrics, and the routes of plugins."""
