"""The tracker over HTTP. `make_app` puts it together; `routes.Route` is what every part adds to it."""
