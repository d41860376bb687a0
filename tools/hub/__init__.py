"""Learners of the hub of deploy/hub, in imitation: sign in, start a server, run cells, all over HTTP and websockets."""
