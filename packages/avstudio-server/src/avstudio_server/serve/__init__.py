"""`avstudio serve`: the HTTP server that REST, WebSockets and the interfaces of plugins share."""
