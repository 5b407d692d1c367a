"""HJ 212, the protocol field monitoring devices speak: a library without sockets, clock or disk."""
